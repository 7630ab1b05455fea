package verify

import (
	"fmt"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/gpu/ref"
)

// exact is what f32 sums in another order may differ by.
const exact = 1e-11

func linearChecks() []Check {
	sizes := [][3]int{ // rows of x, rows of w, columns
		{1, 1, 8},     // the least there is
		{1, 67, 520},  // one octet more than a round of lanes
		{3, 33, 1024}, // several rows of x
		{5, 4, 40},    // just enough for a tile
		{33, 65, 72},  // one more than a tile each way, columns off its depth
		{64, 128, 64}, // whole tiles
		{130, 7, 24},  // tall and narrow
	}
	var list []Check
	for _, kernel := range []string{"linear_vec", "linear_lane", "linear_tile", "linear_block"} {
		for _, f := range quant.Formats {
			for _, s := range sizes {
				list = append(list, Check{kernel, fmt.Sprint(f.Name, " ", s), func(d *gpu.Device) error {
					return on(d, func(b *bench) error { return linear(b, kernel, f, s[0], s[1], s[2], 1) })
				}})
			}
			list = append(list, Check{kernel, f.Name + " outliers of 1e5", func(d *gpu.Device) error {
				return on(d, func(b *bench) error { return linear(b, kernel, f, 37, 41, 136, 1e5) })
			}})
		}
	}
	return list
}

func linear(b *bench, kernel string, f quant.Format, n, rows, cols int, outlier float32) error {
	xs := noise(1, n*cols)
	for i := 5; i < len(xs); i += 97 {
		xs[i] *= outlier
	}
	w, seen := b.matrix(f, noise(2, rows*cols), cols)
	x, y := b.floats("x", xs, n, cols), b.poisoned("y", n, rows)
	got := b.result(y, func(r *gpu.Recorder) { ops.LinearBy(r, kernel, y, x, w) })
	if b.err != nil {
		return b.err
	}
	return near(got, ref.Linear(xs, seen, cols), exact)
}

func embedChecks() []Check {
	var list []Check
	for _, f := range quant.Formats {
		for _, dim := range []int{8, 136, 1024} { // one octet, an odd number of them, many
			list = append(list, Check{"embed", fmt.Sprint(f.Name, " ", dim), func(d *gpu.Device) error {
				return on(d, func(b *bench) error {
					const vocab = 67
					tokens := []uint32{66, 0, 13, 13, 1, 65, 2}
					table, seen := b.matrix(f, noise(3, vocab*dim), dim)
					at, y := b.ints("tokens", tokens), b.poisoned("y", len(tokens), dim)
					got := b.result(y, func(r *gpu.Recorder) { ops.Embed(r, y, at, table) })
					if b.err != nil {
						return b.err
					}
					return near(got, ref.Embed(seen, tokens, dim), 0)
				})
			}})
		}
	}
	return list
}
