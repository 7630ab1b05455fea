package verify

import (
	"fmt"
	"math"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/ref"
)

func inspectChecks() []Check {
	var list []Check
	for _, typ := range []gpu.Type{gpu.F32, gpu.F16, gpu.Q8} {
		for _, c := range []attentionCase{
			{queries: 1, keys: 1, heads: 1, kvHeads: 1, dim: 32},                                            // the least there is
			{queries: 1, keys: 65, spare: 30, heads: 4, kvHeads: 2, dim: 16, causal: true, base: 64},        // one more key than lanes
			{queries: 3, keys: 130, heads: 8, kvHeads: 2, dim: 128, causal: true, base: 127},                // Pixtral's heads
			{queries: 17, keys: 17, heads: 3, kvHeads: 3, dim: 64},                                          // an image; heads off a power of two
			{queries: 20, keys: 50, heads: 2, kvHeads: 1, dim: 32, causal: true, base: 30, queryScale: 100}, // scores far apart
		} {
			c.typ = typ
			for _, f := range []ops.Fold{ops.EachHead, ops.MeanHead, ops.MaxHead} {
				list = append(list, Check{"inspect/attention_rows", fmt.Sprintf("%v fold %d %+v", typ, f, c), func(d *gpu.Device) error {
					return on(d, func(b *bench) error { return attentionRows(b, c, f) })
				}})
			}
		}
	}
	for _, s := range [][2]int{{1, 1}, {3, 63}, {2, 65}, {5, 5120}, {70000, 3}} { // around a workgroup, Pixtral's rows, more rows than a dimension holds
		list = append(list, Check{"inspect/row_stats", fmt.Sprint(s), func(d *gpu.Device) error {
			return on(d, func(b *bench) error { return rowStats(b, s[0], s[1]) })
		}})
	}
	for _, s := range [][2]int{{1, 4}, {5, 260}, {67, 68}} { // rows, columns: more than a workgroup's
		for _, causal := range []bool{false, true} {
			list = append(list, Check{"inspect/rollout", fmt.Sprintf("%v causal %t", s, causal), func(d *gpu.Device) error {
				return on(d, func(b *bench) error { return rollout(b, s[0], s[1], causal) })
			}})
		}
	}
	return list
}

func attentionRows(b *bench, c attentionCase, fold ops.Fold) error {
	const spare = 3 // of a row of y, to be zero
	qs, ks := noise(1, c.queries*c.heads*c.dim), noise(2, c.keys*c.kvHeads*c.dim)
	for i := range qs {
		qs[i] *= max(c.queryScale, 1)
	}
	together, rows := 1, c.heads
	if fold != ops.EachHead {
		together, rows = c.heads, 1
	}
	q, y := b.floats("q", qs, c.queries, c.heads*c.dim), b.poisoned("y", c.queries, rows, c.keys+spare)
	k, ks := b.cache("k", ks, c)
	got := b.result(y, func(r *gpu.Recorder) {
		ops.AttentionRows(r, y, q, k, c.keys, c.dim, ops.Mask{Causal: c.causal, Base: c.base}, fold)
	})
	if b.err != nil {
		return b.err
	}
	var want []float32
	short := ref.AttentionRows(qs, ks, c.heads, c.kvHeads, c.dim, c.causal, c.base, together, fold == ops.MaxHead)
	for i := range c.queries * rows {
		want = append(append(want, short[i*c.keys:(i+1)*c.keys]...), make([]float32, spare)...)
	}
	return near(got, want, 1e-10)
}

func rowStats(b *bench, rows, cols int) error {
	xs := noise(1, rows*cols)
	xs[len(xs)/2] = -1e30 // its square is no f32
	if cols > 60 {
		xs[1], xs[3] = float32(math.NaN()), float32(math.Inf(-1))
		xs[len(xs)-1], xs[len(xs)-2] = 1e3, -1e3 // the lowest of equals
	}
	x, y := b.floats("x", xs, rows, cols), b.poisoned("y", rows, 4)
	got := b.result(y, func(r *gpu.Recorder) { ops.RowStats(r, y, x) })
	if b.err != nil {
		return b.err
	}
	want := ref.RowStats(xs, cols)
	for i := range 4 { // each column by itself: their sizes differ
		if err := near(column(got, i), column(want, i), 1e-10); err != nil {
			return err
		}
	}
	return nil
}

func column(x []float32, i int) (list []float32) {
	for ; i < len(x); i += 4 {
		list = append(list, x[i])
	}
	return list
}

func rollout(b *bench, n, cols int, causal bool) error {
	as, xs := noise(1, n*n), noise(2, n*cols)
	for i := range as {
		if causal && i%n > i/n {
			as[i] = 0
		}
	}
	a, x, y := b.floats("a", as, n, n), b.floats("x", xs, n, cols), b.poisoned("y", n, cols)
	got := b.result(y, func(r *gpu.Recorder) { ops.Rollout(r, y, a, x, causal) })
	if b.err != nil {
		return b.err
	}
	return near(got, ref.Rollout(as, xs, cols), exact)
}
