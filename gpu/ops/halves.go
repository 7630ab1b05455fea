package ops

import (
	"strings"

	"pixtral-wgpu/gpu"
)

type halfRowsParams struct{ Quads, Rows uint32 }

// HalfRows records y = x as half floats, each row by a power of two that it is
// then to be multiplied with. x: [n, cols], cols a multiple of 8; y: [n, cols/2+4]
// u32.
func HalfRows(r *gpu.Recorder, y, x gpu.Tensor) {
	rows, width := x.Shape[0], cols(x)
	if width%8 != 0 || y.Type != gpu.U32 || y.Shape[0] != rows || cols(y) != width/2+4 {
		r.Misfit("half_rows", "%s from %s", y.String(), x.String())
		return
	}
	r.Dispatch(gpu.Dispatch{
		Kernel:  variant("half_rows"),
		Params:  halfRowsParams{uint32(width / 4), uint32(rows)},
		Read:    []gpu.Tensor{x},
		Write:   y,
		Groups:  fold(rows),
		Work:    8 * float64(x.Len()),
		Partial: true, // no value of the model
	})
}

// halves reports whether a kernel multiplies half floats.
func halves(kernel string) bool {
	return strings.HasSuffix(kernel, "_half") || strings.Contains(kernel, "_matrices_")
}

// halve puts the activations as half floats in the place of l.x.
func (l *linear) halve(r *gpu.Recorder) {
	h, err := r.Device().Scratch("activations as half floats", gpu.U32, l.x.Shape[0], l.w.Cols/2+4)
	if err != nil {
		r.Fail(err)
		return
	}
	HalfRows(r, h, l.x)
	l.x = h
}
