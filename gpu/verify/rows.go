package verify

import (
	"fmt"
	"math"
	"slices"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/ref"
)

func rmsnormChecks() []Check { return normChecks(gpu.Way{Kernel: "rmsnorm"}) }

func normChecks(way gpu.Way) []Check {
	var list []Check
	for _, s := range [][2]int{{1, 4}, {1, 256}, {3, 1756}, {2, 5120}, {70000, 4}} { // below, at and off a workgroup; more rows than a dimension holds
		list = append(list, Check{way.Kernel, fmt.Sprint(s, " ", way.Lanes), func(d *gpu.Device) error {
			return on(d, func(b *bench) error {
				xs, ws := noise(1, s[0]*s[1]), noise(2, s[1])
				xs[len(xs)/2] = 1e5
				x, w, y := b.floats("x", xs, s[0], s[1]), b.floats("w", ws, s[1]), b.poisoned("y", s[0], s[1])
				got := b.result(y, func(r *gpu.Recorder) { ops.RMSNormBy(r, way, y, x, w, 1e-5) })
				if b.err != nil {
					return b.err
				}
				return near(got, ref.RMSNorm(xs, ws, 1e-5), exact)
			})
		}})
	}
	return list
}

func rotateChecks() []Check {
	var list []Check
	for _, s := range [][4]int{{1, 1, 4, 0}, {5, 9, 24, 3}, {17, 32, 128, 100}} { // rows, heads, head dim, first position
		list = append(list, Check{"rotate", fmt.Sprint(s), func(d *gpu.Device) error {
			return on(d, func(b *bench) error {
				rows, heads, dim, first := s[0], s[1], s[2], s[3]
				xs, table, turns := noise(1, rows*heads*dim), make([]float32, (first+rows+2)*dim), []float32{}
				for i := range len(table) / 2 {
					sin, cos := math.Sincos(float64(i) * 0.37)
					table[2*i], table[2*i+1] = float32(cos), float32(sin)
				}
				seats := make([]ops.Seat, rows)
				for i := range seats { // backwards: sequences come in no order
					angle := first + rows - 1 - i
					seats[i].Angle = uint32(angle)
					turns = append(turns, table[angle*dim:(angle+1)*dim]...)
				}
				x, t := b.floats("x", xs, rows, heads*dim), b.floats("table", table, first+rows+2, dim/2, 2)
				at := b.seats(seats, nil)
				got := b.result(x, func(r *gpu.Recorder) { ops.Rotate(r, x, t, at, dim) })
				if b.err != nil {
					return b.err
				}
				return near(got, ref.Rotate(xs, turns, 0, heads, dim), exact)
			})
		}})
	}
	return list
}

func appendChecks() []Check {
	var list []Check
	for _, c := range []struct {
		kernel string
		typ    gpu.Type
		limit  float64
	}{
		{"append_f32", gpu.F32, 0},
		{"append", gpu.F16, 1e-6},     // half floats carry 11 bits
		{"append_q8_0", gpu.Q8, 1e-4}, // bytes 7 and a sign
	} {
		list = append(list, Check{c.kernel, c.typ.String(), func(d *gpu.Device) error {
			return on(d, func(b *bench) error {
				const positions, n, width = 9, 6, 96
				xs, places := noise(1, n*width), []uint32{8, 7, 3, 0, 5, 1} // the first row goes to another cache
				seats := make([]ops.Seat, n)
				for i := range seats {
					seats[i].Place = places[i]
				}
				cache := b.keep(d.NewTexels("cache", c.typ, positions, width))
				x, at := b.floats("x", xs, n, width), b.seats(seats, nil)
				got := b.result(cache, func(r *gpu.Recorder) { ops.Append(r, cache, x, at, 1, n) })
				if b.err != nil {
					return b.err
				}
				want := make([]float32, positions*width)
				ref.Append(want, xs[width:], places[1:], width)
				return near(got, want, c.limit)
			})
		}})
	}
	list = append(list, Check{"append", "f16 saturates", func(d *gpu.Device) error {
		return on(d, func(b *bench) error {
			cache := b.keep(d.NewTexels("cache", gpu.F16, 1, 4))
			x, at := b.floats("x", []float32{1e5, -1e9, 65504, -2}, 1, 4), b.inOrder(0, 1, false)
			got := b.result(cache, func(r *gpu.Recorder) { ops.Append(r, cache, x, at, 0, 1) })
			if b.err != nil {
				return b.err
			}
			return near(got, []float32{65504, -65504, 65504, -2}, 0)
		})
	}})
	return list
}

// seats uploads the seats of rows and the pages of their sequences.
func (b *bench) seats(rows []ops.Seat, pages []uint32) ops.Seats {
	return ops.Seats{Rows: b.ints("seats", ops.Words(rows)), Pages: b.ints("pages", append(pages, 1<<31))} // one more that no row may read
}

func (b *bench) inOrder(first, n int, all bool) ops.Seats {
	rows, pages := ops.InOrder(first, n, all)
	return b.seats(rows, pages)
}

func scatterChecks() []Check {
	return []Check{{"scatter", "5 of 9 rows", func(d *gpu.Device) error {
		return on(d, func(b *bench) error {
			const dim, rows = 36, 40
			at := []uint32{1, 1, 39, 0, 7, 8, 20, 1} // two before and one behind that are not asked for
			xs, ys := noise(1, 9*dim), noise(2, rows*dim)
			x, y, index := b.floats("x", xs, 9, dim), b.floats("y", ys, rows, dim), b.ints("at", at)
			got := b.result(y, func(r *gpu.Recorder) { ops.Scatter(r, y, index, x, 2, 3, 5) })
			if b.err != nil {
				return b.err
			}
			want := slices.Clone(ys)
			ref.Scatter(want, xs[3*dim:8*dim], at[2:7], dim)
			return near(got, want, 0)
		})
	}}}
}

func patchifyChecks() []Check {
	var list []Check
	for _, s := range [][3]int{{1, 1, 4}, {3, 5, 16}, {2, 7, 14}} { // rows and columns of patches, side
		list = append(list, Check{"patchify", fmt.Sprint(s), func(d *gpu.Device) error {
			return on(d, func(b *bench) error {
				height, width, patch := s[0]*s[2], s[1]*s[2], s[2]
				ps := noise(1, 3*height*width)
				const first, behind = 2, 1 // rows of others
				size := 3 * patch * patch
				want := noise(2, (first+s[0]*s[1]+behind)*size)
				pixels, y := b.floats("pixels", ps, 3, height, width), b.floats("y", want, len(want)/size, size)
				got := b.result(y, func(r *gpu.Recorder) { ops.Patchify(r, y, first, pixels, patch) })
				if b.err != nil {
					return b.err
				}
				copy(want[first*size:], ref.Patchify(ps, height, width, patch))
				return near(got, want, 0)
			})
		}})
	}
	return list
}

func argmaxChecks() []Check {
	var list []Check
	for _, kernel := range []string{"argmax", "argmax_parts", "argmax_join"} {
		for _, s := range [][2]int{{1, 1}, {3, 255}, {2, 257}, {2, 1030}, {1, 131072}} { // rows, columns: around a workgroup and as many as parts, Pixtral's vocabulary
			list = append(list, Check{kernel, fmt.Sprint(s), func(d *gpu.Device) error {
				return on(d, func(b *bench) error { return argmax(b, kernel != "argmax", s[0], s[1]) })
			}})
		}
	}
	return list
}

func argmax(b *bench, byParts bool, rows, cols int) error {
	xs := noise(1, rows*cols)
	if cols > 200 { // two equals: the first wins
		xs[cols-1], xs[cols/2] = 7, 7
	}
	x, y := b.floats("x", xs, rows, cols), b.ints("y", make([]uint32, rows))
	parts := b.ints("parts", make([]uint32, 2*rows*ops.SurveyLanes))
	b.run(func(r *gpu.Recorder) {
		if byParts {
			ops.ArgmaxBy(r, y, x, parts)
		} else {
			ops.Argmax(r, y, x)
		}
	})
	if b.err != nil {
		return b.err
	}
	got, err := b.d.Ints(y)
	if want := ref.Argmax(xs, cols); err == nil && !slices.Equal(got, want) {
		return fmt.Errorf("differs from its Go twin: %v, want %v", got, want)
	}
	return err
}
