package model

import (
	"fmt"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
)

// A cache holds the keys and values of every layer for the positions seen so
// far. Keys are stored rotated, so their positions are never needed again.
type cache struct {
	keys, values []gpu.Tensor // a layer each: [positions, kvHeads*headDim]
	used         int          // positions before this pass
}

// newCache makes a cache for so many positions, of f16, f32 or q8_0.
func newCache(a *arena, c *Config, positions int, typ gpu.Type) (*cache, error) {
	width := c.KVHeads * c.HeadDim
	if typ == gpu.Q8 && width%32 != 0 {
		return nil, fmt.Errorf("model: keys of %d values do not go into blocks of 32; use --kv f16", width)
	}
	if a.dev != nil {
		if bytes, most := typ.Bytes(positions*width), a.dev.Limits.BindingBytes; bytes > most {
			return nil, fmt.Errorf("model: a context of %d tokens needs %s of keys a layer, and %v binds %s; use --ctx %d or less",
				positions, gpu.Size(bytes), a.dev.Info, gpu.Size(most), most/typ.Bytes(width))
		}
	}
	s := &cache{}
	for i := range c.Layers {
		s.keys = append(s.keys, a.typed(fmt.Sprintf("layers.%d.keys", i), typ, positions, width))
		s.values = append(s.values, a.typed(fmt.Sprintf("layers.%d.values", i), typ, positions, width))
	}
	if a.err != nil {
		return nil, fmt.Errorf("model: a context of %d tokens does not fit: %w; use a smaller --ctx", positions, a.err)
	}
	return s, nil
}

// extend records the append of a layer's new keys and values.
func (s *cache) extend(r *gpu.Recorder, layer int, k, v gpu.Tensor) (keys, values gpu.Tensor, n int) {
	keys, values = s.keys[layer], s.values[layer]
	ops.Append(r, keys, k, s.used)
	ops.Append(r, values, v, s.used)
	return keys, values, s.used + k.Shape[0]
}
