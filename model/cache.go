package model

import (
	"fmt"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
)

// A cache holds the keys and values of every layer for the positions of any
// number of sequences, in pages of ops.Page. Keys are stored rotated, so their
// positions are never needed again.
type cache struct {
	keys, values []gpu.Tensor // a layer each: [pages*ops.Page, kvHeads*headDim]
}

// newCaches makes the caches of a pool, of f16, f32 or q8_0: as few as the
// device's bindings allow. A sequence lies in one of them.
func newCaches(a *arena, c *Config, o PoolOptions, typ gpu.Type) ([]*cache, error) {
	width := c.KVHeads * c.HeadDim
	if typ == gpu.Q8 && width%32 != 0 {
		return nil, fmt.Errorf("model: keys of %d values do not go into blocks of 32; use --kv f16", width)
	}
	pages := pagesFor(o.Tokens)
	most := pages
	if a.dev != nil {
		bytes := min(a.dev.Limits.BindingBytes, a.dev.Limits.BufferBytes)
		if o.CacheBytes > 0 {
			bytes = min(bytes, o.CacheBytes)
		}
		most = int(bytes / typ.Bytes(ops.Page*width))
		if pagesFor(o.Context) > most {
			return nil, fmt.Errorf("model: a context of %d tokens needs %s of keys a layer, and %v binds %s; use --ctx %d or less",
				o.Context, gpu.Size(typ.Bytes(o.Context*width)), a.dev.Info, gpu.Size(bytes), most*ops.Page)
		}
	}
	var list []*cache
	for ; pages > 0; pages -= most {
		list = append(list, newCache(a, c, len(list), min(pages, most)*ops.Page, typ))
	}
	if a.err != nil {
		return nil, fmt.Errorf("model: keys and values of %d tokens do not fit: %w; use a smaller --ctx", o.Tokens, a.err)
	}
	return list, nil
}

func newCache(a *arena, c *Config, index, positions int, typ gpu.Type) *cache {
	s := &cache{}
	for i := range c.Layers {
		scope := fmt.Sprintf("layers.%d", i)
		if index > 0 {
			scope = fmt.Sprintf("caches.%d.layers.%d", index, i)
		}
		s.keys = append(s.keys, a.texels(scope+".keys", typ, positions, c.KVHeads*c.HeadDim))
		s.values = append(s.values, a.texels(scope+".values", typ, positions, c.KVHeads*c.HeadDim))
	}
	return s
}

// pages returns how many pages the cache has.
func (s *cache) pages() int { return s.keys[0].Shape[0] / ops.Page }

// pagesFor returns how many pages so many positions take.
func pagesFor(positions int) int { return (positions + ops.Page - 1) / ops.Page }

// Page is how many positions a page of a pool holds.
const Page = ops.Page
