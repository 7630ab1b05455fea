package ops

import "pixtral-wgpu/gpu"

type scatterParams struct{ N, Quads, Place, First uint32 }

// Scatter records y[at[place+i]] = x[first+i] for n rows. at: u32, each below
// the rows of y; x, y: [rows, dim]; dim a multiple of 4.
func Scatter(r *gpu.Recorder, y, at, x gpu.Tensor, place, first, n int) {
	dim := cols(x)
	if cols(y) != dim || dim%4 != 0 || n < 1 || first < 0 || first+n > x.Shape[0] ||
		place < 0 || place+n > at.Len() || at.Type != gpu.U32 {
		r.Misfit("scatter", "%d rows of %v from %d into %v by %v from %d", n, x, first, y, at, place)
		return
	}
	each(r, "scatter", n*dim/4, gpu.Dispatch{
		Params: scatterParams{uint32(n * dim / 4), uint32(dim / 4), uint32(place), uint32(first)},
		Read:   []gpu.Tensor{at, x},
		Write:  y,
	})
}
