package verify

import (
	"fmt"
	"math"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/gpu/ref"
)

// intsChecks compare the products of integers with the exact product of the
// activations as they were quantised, and those with what they should be.
func intsChecks() []Check {
	var list []Check
	for _, n := range []int{1, 65, 333} { // blocks: one, one more than a workgroup, several
		list = append(list, Check{"quantize_rows", fmt.Sprint(32 * n), func(d *gpu.Device) error {
			return on(d, func(b *bench) error {
				xs := noise(1, n*32)
				xs[5] = 1e5
				clear(xs[len(xs)-32:]) // no scale
				_, seen := b.ints8(xs, 1, nil)
				if b.err != nil {
					return b.err
				}
				return near(seen, ref.QuantizeRows(xs), 1e-6) // a code at a tie may round either way
			})
		}}, Check{"quantize_normed", fmt.Sprint("3 rows of ", 32*n), func(d *gpu.Device) error {
			return on(d, func(b *bench) error {
				xs, gain := noise(1, 3*n*32), noise(2, n*32)
				xs[5] = 1e5
				clear(xs[n*32 : 2*n*32])
				_, seen := b.ints8(xs, 3, gain)
				if b.err != nil {
					return b.err
				}
				return near(seen, ref.QuantizeRows(ref.RMSNorm(xs, gain, 1e-5)), 1e-6)
			})
		}})
	}
	sizes := [][3]int{{1, 1, 32}, {65, 66, 96}, {3, 70, 2112}} // the least; one more than a tile; one block more than a round of lanes
	for _, kernel := range []string{"linear_vec_ints", "linear_tile_ints"} {
		for _, f := range quant.Formats {
			if f.Codec == nil {
				continue
			}
			for _, s := range sizes {
				list = append(list, Check{kernel, fmt.Sprint(f.Name, " ", s), func(d *gpu.Device) error {
					return on(d, func(b *bench) error { return linearInts(b, kernel, f, s[0], s[1], s[2], 1) })
				}})
			}
			list = append(list, Check{kernel, f.Name + " outliers of 1e5", func(d *gpu.Device) error {
				return on(d, func(b *bench) error { return linearInts(b, kernel, f, 9, 41, 256, 1e5) })
			}})
		}
	}
	return list
}

// ints8 quantises n rows on the device, normed if there is a gain, and returns them
// and what they stand for.
func (b *bench) ints8(xs []float32, n int, gain []float32) (gpu.Tensor, []float32) {
	cols := len(xs) / n
	x := b.floats("x", xs, n, cols)
	q := b.ints("x_quantized", make([]uint32, len(xs)/32*ops.IntWords))
	q.Shape = []int{n, cols / 32 * ops.IntWords}
	if gain == nil {
		b.run(func(r *gpu.Recorder) { ops.QuantizeRows(r, q, x) })
	} else {
		w := b.floats("gain", gain, cols)
		b.run(func(r *gpu.Recorder) { ops.QuantizeNormed(r, q, x, w, 1e-5) })
	}
	if b.err != nil {
		return q, nil
	}
	words, err := b.d.Ints(q)
	b.err = err
	var seen []float32
	for at := 0; at < len(words); at += ops.IntWords {
		scale := math.Float32frombits(words[at+8])
		var sums [2]float32
		for i := range 32 {
			code := float32(int8(words[at+i/4] >> (8 * (i % 4))))
			sums[i/16] += code
			seen = append(seen, code*scale)
		}
		for half, sum := range sums {
			if got := math.Float32frombits(words[at+9+half]); got != sum*scale && b.err == nil {
				b.err = fmt.Errorf("half %d of block %d adds up to %g, said to be %g", half, at/ops.IntWords, sum*scale, got)
			}
		}
	}
	return q, seen
}

func linearInts(b *bench, kernel string, f quant.Format, n, rows, cols int, outlier float32) error {
	cols = whole(f, cols)
	xs := noise(1, n*cols)
	for i := 5; i < len(xs); i += 97 {
		xs[i] *= outlier
	}
	w, weights := b.matrix(f, noise(2, rows*cols), cols)
	_, seen := b.ints8(xs, n, nil)
	x, y := b.floats("x", xs, n, cols), b.poisoned("y", n, rows)
	got := b.result(y, func(r *gpu.Recorder) { ops.LinearBy(r, gpu.Way{Kernel: kernel}, y, x, w) })
	if b.err != nil {
		return b.err
	}
	return near(got, ref.Linear(seen, weights, cols), scaled)
}
