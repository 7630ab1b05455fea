package ops

import "pixtral-wgpu/gpu"

type rmsnormParams struct {
	Quads, Rows uint32
	Eps         float32
}

// Norm is what a device may prefer a way of RMSNorm for.
const Norm = "norm"

// RMSNorm records y = x / rms(x) * w, row by row. x, y: [rows, dim]; w: [dim];
// dim a multiple of 4.
func RMSNorm(r *gpu.Recorder, y, x, w gpu.Tensor, eps float32) {
	way := r.Device().Preferred(gpu.Use{Op: Norm})
	if way.Kernel == "" {
		way.Kernel = "rmsnorm"
	}
	RMSNormBy(r, way, y, x, w, eps)
}

// RMSNormBy is RMSNorm with the way named.
func RMSNormBy(r *gpu.Recorder, way gpu.Way, y, x, w gpu.Tensor, eps float32) {
	rows, dim := x.Shape[0], cols(x)
	if w.Len() != dim || y.Len() != x.Len() || dim%4 != 0 {
		r.Misfit("rmsnorm", "%v from %v and %v", y, x, w)
		return
	}
	v := variant(way.Kernel)
	if way.Lanes > 0 {
		v.Set[0] = override("WG", way.Lanes)
	}
	r.Dispatch(gpu.Dispatch{
		Kernel: v,
		Params: rmsnormParams{uint32(dim / 4), uint32(rows), eps},
		Read:   []gpu.Tensor{x, w},
		Write:  y,
		Groups: fold(rows),
		Work:   8 * float64(x.Len()),
	})
}
