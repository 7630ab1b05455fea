package ops

import "pixtral-wgpu/gpu"

// Argmax records y[r] = the index of the largest x[r], the lowest of equals.
// x: [rows, cols]; y: [rows] u32.
func Argmax(r *gpu.Recorder, y, x gpu.Tensor) {
	rows := x.Shape[0]
	if y.Len() != rows || y.Type != gpu.U32 || rows > mostGroups {
		r.Misfit("argmax", "%v from %v", y, x)
		return
	}
	r.Dispatch(gpu.Dispatch{
		Kernel: variant("argmax"),
		Params: struct{ Cols uint32 }{uint32(cols(x))},
		Read:   []gpu.Tensor{x},
		Write:  y,
		Groups: [3]int{rows},
		Work:   4 * float64(x.Len()),
	})
}
