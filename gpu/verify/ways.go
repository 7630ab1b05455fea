package verify

import (
	"fmt"
	"slices"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/gpu/ref"
)

// features are what kernels need that an adapter may lack.
var features = map[string]string{"linear_subgroup": "subgroup", "rmsnorm_subgroup": "subgroup"}

// where makes a check pass on devices that lack what its kernel needs: there
// nothing chooses it.
func (c Check) where() Check {
	if need, run := features[c.Kernel], c.Run; need != "" {
		c.Run = func(d *gpu.Device) error {
			if !d.Has(need) {
				return nil
			}
			return run(d)
		}
	}
	return c
}

// allWays lists the ways of a use that any device may prefer.
func allWays(u gpu.Use) (list []gpu.Way) {
	for _, software := range []bool{false, true} {
		for _, w := range ops.WaysOf(u, software, func(string) bool { return true }) {
			if w.Kernel != "" && !slices.Contains(list, w) {
				list = append(list, w)
			}
		}
	}
	return list
}

// wayChecks compare each way that a device may prefer; how each format reads is
// the plain products' to check.
func wayChecks() []Check {
	var list []Check
	for _, f := range []quant.Format{quant.F16, quant.Q4_K} {
		for _, w := range allWays(gpu.Use{Op: ops.Each, Format: f.Name}) {
			list = append(list, Check{w.Kernel, fmt.Sprintf("%s, %d lanes, %d rows", f.Name, w.Lanes, w.Rows), func(d *gpu.Device) error {
				return on(d, func(b *bench) error { return way(b, w, f, []int{1, 2, 13}) })
			}})
		}
		for _, w := range allWays(gpu.Use{Op: ops.Many, Format: f.Name}) {
			list = append(list, Check{w.Kernel, f.Name + ", rows of a prompt in any pieces", func(d *gpu.Device) error {
				return on(d, func(b *bench) error { return way(b, w, f, []int{1, 13, 150}) })
			}})
		}
	}
	for _, w := range allWays(gpu.Use{Op: ops.Norm}) {
		list = append(list, normChecks(w)...)
	}
	return list
}

// way compares products of several numbers of rows with the twin, and the rows
// that they share with each other, to the bit.
func way(b *bench, w gpu.Way, f quant.Format, counts []int) error {
	const rows = 139 // off all tiles
	cols, most := whole(f, 264), slices.Max(counts)
	xs := noise(1, most*cols)
	for i := 5; i < len(xs); i += 97 {
		xs[i] *= 1e5
	}
	m, weights := b.matrix(f, noise(2, rows*cols), cols)
	limit, seen := exact, xs
	if f.Codec != nil {
		limit = scaled
	}
	if integers(w) {
		limit, seen = rounded, ref.QuantizeRows(xs)
	}
	var shared []float32
	for _, n := range counts {
		x, y := b.floats("x", xs[:n*cols], n, cols), b.poisoned("y", n, rows)
		got := b.result(y, func(r *gpu.Recorder) { ops.LinearBy(r, w, y, x, m) })
		if b.err != nil {
			return b.err
		}
		if err := near(got, ref.Linear(seen[:n*cols], weights, cols), limit); err != nil {
			return fmt.Errorf("%d rows: %w", n, err)
		}
		if !slices.Equal(shared, got[:len(shared)]) {
			return fmt.Errorf("rows of %d are not those of less", n)
		}
		shared = got
	}
	return nil
}

// rounded is what products of integers may differ by from those of the codes that
// the twin rounds to: one at a tie may round either way.
const rounded = 1e-6

func integers(w gpu.Way) bool { return w.Kernel == "linear_vec_ints" || w.Kernel == "linear_tile_ints" }
