package ops

import "pixtral-wgpu/gpu"

type rmsnormParams struct {
	Quads, Rows uint32
	Eps         float32
}

// RMSNorm records y = x / rms(x) * w, row by row. x, y: [rows, dim]; w: [dim];
// dim a multiple of 4.
func RMSNorm(r *gpu.Recorder, y, x, w gpu.Tensor, eps float32) {
	rows, dim := x.Shape[0], cols(x)
	if w.Len() != dim || y.Len() != x.Len() || dim%4 != 0 {
		r.Misfit("rmsnorm", "%v from %v and %v", y, x, w)
		return
	}
	r.Dispatch(gpu.Dispatch{
		Kernel: variant("rmsnorm"),
		Params: rmsnormParams{uint32(dim / 4), uint32(rows), eps},
		Read:   []gpu.Tensor{x, w},
		Write:  y,
		Groups: fold(rows),
		Work:   8 * float64(x.Len()),
	})
}
