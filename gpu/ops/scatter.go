package ops

import "pixtral-wgpu/gpu"

type scatterParams struct{ N, Quads, First uint32 }

// Scatter records y[at[i]] = x[first+i]. at: [n] u32, each below the rows of y;
// x, y: [rows, dim]; dim a multiple of 4.
func Scatter(r *gpu.Recorder, y, at, x gpu.Tensor, first int) {
	n, dim := at.Len(), cols(x)
	if cols(y) != dim || dim%4 != 0 || first < 0 || first+n > x.Shape[0] || at.Type != gpu.U32 {
		r.Misfit("scatter", "%d rows of %v from %d into %v", n, x, first, y)
		return
	}
	each(r, "scatter", n*dim/4, gpu.Dispatch{
		Params: scatterParams{uint32(n * dim / 4), uint32(dim / 4), uint32(first)},
		Read:   []gpu.Tensor{at, x},
		Write:  y,
	})
}
