package verify

import (
	"fmt"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/ref"
)

type attentionCase struct {
	queries, keys, spare int // spare rows of the cache, poisoned
	heads, kvHeads, dim  int
	causal               bool
	base                 int
	typ                  gpu.Type
	outlier, queryScale  float32
}

func attentionChecks() []Check {
	cases := []attentionCase{
		{queries: 1, keys: 1, heads: 1, kvHeads: 1, dim: 8},                                              // the least there is
		{queries: 1, keys: 65, spare: 30, heads: 4, kvHeads: 2, dim: 16, causal: true, base: 64},         // one more key than lanes
		{queries: 3, keys: 130, heads: 8, kvHeads: 2, dim: 128, causal: true, base: 127},                 // Pixtral's heads
		{queries: 17, keys: 17, heads: 3, kvHeads: 3, dim: 24},                                           // an image; heads off a power of two
		{queries: 33, keys: 100, spare: 4, heads: 4, kvHeads: 1, dim: 64, causal: true, base: 67},        // a second chunk
		{queries: 70, keys: 70, heads: 2, kvHeads: 2, dim: 64},                                           // an image of Pixtral's encoder
		{queries: 40, keys: 40, heads: 2, kvHeads: 1, dim: 160, causal: true},                            // wide heads
		{queries: 20, keys: 50, heads: 2, kvHeads: 1, dim: 32, causal: true, base: 30, outlier: 1e5},     // values that half floats can't hold
		{queries: 20, keys: 50, heads: 2, kvHeads: 1, dim: 32, causal: true, base: 30, queryScale: 1000}, // scores far apart
	}
	var list []Check
	for _, kernel := range []string{"attention_vec", "attention_tile"} {
		for _, typ := range []gpu.Type{gpu.F32, gpu.F16, gpu.Q8} {
			for _, c := range cases {
				c.typ = typ
				if typ == gpu.Q8 && c.kvHeads*c.dim%32 != 0 {
					continue // no whole blocks
				}
				list = append(list, Check{kernel, fmt.Sprintf("%v %+v", typ, c), func(d *gpu.Device) error {
					return on(d, func(b *bench) error { return attention(b, kernel, c) })
				}})
			}
		}
	}
	return list
}

func attention(b *bench, kernel string, c attentionCase) error {
	qs := noise(1, c.queries*c.heads*c.dim)
	ks, vs := noise(2, c.keys*c.kvHeads*c.dim), noise(3, c.keys*c.kvHeads*c.dim)
	if c.queryScale > 0 {
		for i := range qs {
			qs[i] *= c.queryScale
		}
	}
	if c.outlier > 0 {
		vs[7], vs[len(vs)-3] = c.outlier, -c.outlier
	}
	q, y := b.floats("q", qs, c.queries, c.heads*c.dim), b.poisoned("y", c.queries, c.heads*c.dim)
	k, ks := b.cache("k", ks, c)
	v, vs := b.cache("v", vs, c)
	got := b.result(y, func(r *gpu.Recorder) {
		ops.AttentionBy(r, kernel, y, q, k, v, c.keys, c.dim, ops.Mask{Causal: c.causal, Base: c.base})
	})
	if b.err != nil {
		return b.err
	}
	want := ref.Attention(qs, ks, vs, c.heads, c.kvHeads, c.dim, c.causal, c.base)
	return near(got, want, 1e-10)
}

// cache uploads keys or values by ops.Append, behind them spare rows that no
// query may see, and returns them as the kernel reads them.
func (b *bench) cache(name string, data []float32, c attentionCase) (gpu.Tensor, []float32) {
	width := c.kvHeads * c.dim
	spare := make([]float32, c.spare*width)
	for i := range spare {
		spare[i] = 60000
	}
	t := b.keep(b.d.New(name, c.typ, c.keys+c.spare, width))
	x := b.floats(name, append(data[:len(data):len(data)], spare...), c.keys+c.spare, width)
	b.run(func(r *gpu.Recorder) { ops.Append(r, t, x, 0) })
	if b.err != nil {
		return t, data
	}
	seen, err := b.d.Floats(t)
	b.err = err
	return t, seen[:min(len(data), len(seen))]
}
