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

// ArgmaxBy is Argmax for long rows, of which parts are seen side by side before
// they are joined. parts: [rows, SurveyLanes, 2] u32, overwritten.
func ArgmaxBy(r *gpu.Recorder, y, x, parts gpu.Tensor) {
	rows := x.Shape[0]
	if y.Len() != rows || y.Type != gpu.U32 || rows > mostGroups || parts.Type != gpu.U32 || parts.Len() != 2*rows*SurveyLanes {
		r.Misfit("argmax_parts", "%s from %s through %s", y.String(), x.String(), parts.String())
		return
	}
	r.Dispatch(gpu.Dispatch{
		Kernel: variant("argmax_parts"),
		Params: surveyParams{uint32(cols(x)), uint32(rows)},
		Read:   []gpu.Tensor{x},
		Write:  parts,
		Groups: fold(rows * SurveyLanes / lanes),
		Work:   4 * float64(x.Len()),
	})
	r.Dispatch(gpu.Dispatch{
		Kernel: variant("argmax_join"),
		Params: struct{ Rows uint32 }{uint32(rows)},
		Read:   []gpu.Tensor{parts},
		Write:  y,
		Groups: [3]int{rows},
		Work:   4 * SurveyLanes * float64(rows),
	})
}
