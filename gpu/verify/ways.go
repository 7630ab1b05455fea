package verify

import (
	"fmt"
	"math"
	"slices"

	"github.com/x448/float16"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/gpu/ref"
)

// features are what kernels need that an adapter, or a device with WebGPU's
// defaults, may lack.
var features = map[string]string{
	"linear_subgroup": "subgroup", "rmsnorm_subgroup": "subgroup", "linear_tile_half": "shader-f16",
	"attention_split_subgroup": "subgroup", "attention_split_half": "shader-f16", "attention_tile_half": "shader-f16",
	"attention_matrices_8": gpu.MatrixFeature(8), "attention_matrices_16": gpu.MatrixFeature(16),
	"linear_matrices_8": gpu.MatrixFeature(8), "linear_matrices_16": gpu.MatrixFeature(16),
}

// Needs returns the feature that the kernel needs and an adapter may lack, or "".
func (c Check) Needs() string { return features[c.Kernel] }

// Runs reports whether d has what the kernel needs. Where it has not, nothing
// chooses the kernel.
func (c Check) Runs(d *gpu.Device) bool {
	need := c.Needs()
	return need == "" || d.Has(need)
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
	list := halfChecks()
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
	if ops.Rounds(w) {
		limit, seen = rounded, roundedBy(w.Kernel, xs, cols)
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
// the twin rounds to, as one at a tie may round either way, and products of half
// floats from the twin's, which rounds no weights.
const rounded = 1e-6

// roundedBy returns what a kernel that rounds activations makes of them.
func roundedBy(kernel string, xs []float32, cols int) []float32 {
	switch kernel {
	case "linear_vec_ints", "linear_tile_ints":
		return ref.QuantizeRows(xs)
	}
	return ref.HalfRows(xs, cols)
}

// halfChecks compare half floats with what they should be, bit by bit.
func halfChecks() []Check {
	var list []Check
	for _, s := range [][2]int{{1, 8}, {3, 264}, {2, 1032}} {
		list = append(list, Check{"half_rows", fmt.Sprint(s), func(d *gpu.Device) error {
			return on(d, func(b *bench) error {
				rows, cols := s[0], s[1]
				xs := noise(1, rows*cols)
				xs[3] = 1e5
				clear(xs[len(xs)-cols+8:])
				x, y := b.floats("x", xs, rows, cols), b.ints("y", make([]uint32, rows*(cols/2+4)))
				y.Shape = []int{rows, cols/2 + 4}
				words := b.words(y, func(r *gpu.Recorder) { ops.HalfRows(r, y, x) })
				if b.err != nil {
					return b.err
				}
				var seen []float32
				for row := range rows {
					words := words[row*(cols/2+4):]
					for i := range cols {
						half := float16.Frombits(uint16(words[i/2] >> (16 * (i % 2))))
						seen = append(seen, half.Float32()*math.Float32frombits(words[cols/2]))
					}
				}
				return near(seen, ref.HalfRows(xs, cols), 1e-7) // a half float at a tie may round either way
			})
		}})
	}
	return list
}
