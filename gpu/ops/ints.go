package ops

import "pixtral-wgpu/gpu"

type quantizeRowsParams struct{ N uint32 }

// IntWords is how many words 32 activations take as integers: their codes, the
// scale, two sums, and one that fills up.
const IntWords = 12

// QuantizeRows records y = x as signed bytes, 32 to a scale. x: [n, cols], cols a
// multiple of 32; y: [n, cols/32*IntWords] u32.
func QuantizeRows(r *gpu.Recorder, y, x gpu.Tensor) {
	n := x.Len() / 32
	if cols(x)%32 != 0 || y.Type != gpu.U32 || y.Shape[0] != x.Shape[0] || y.Len() != n*IntWords {
		r.Misfit("quantize_rows", "%s from %s", y.String(), x.String())
		return
	}
	each(r, "quantize_rows", n, gpu.Dispatch{
		Params:  quantizeRowsParams{uint32(n)},
		Read:    []gpu.Tensor{x},
		Write:   y,
		Partial: true, // no value of the model
	})
}

type quantizeNormedParams struct {
	Blocks, Rows uint32
	Eps          float32
}

// QuantizeNormed records y = x / rms(x) * w as QuantizeRows leaves it. x: [n, cols];
// w: [cols].
func QuantizeNormed(r *gpu.Recorder, y, x, w gpu.Tensor, eps float32) {
	n, blocks := x.Shape[0], cols(x)/32
	if cols(x)%32 != 0 || w.Len() != cols(x) || y.Type != gpu.U32 || y.Shape[0] != n || y.Len() != n*blocks*IntWords {
		r.Misfit("quantize_normed", "%s from %s and %s", y.String(), x.String(), w.String())
		return
	}
	r.Dispatch(gpu.Dispatch{
		Kernel:  variant("quantize_normed"),
		Params:  quantizeNormedParams{uint32(blocks), uint32(n), eps},
		Read:    []gpu.Tensor{x, w},
		Write:   y,
		Groups:  fold(n),
		Work:    16 * float64(x.Len()),
		Partial: true, // no value of the model
	})
}

// quantize puts the activations as integers in the place of l.x.
func (l *linear) quantize(r *gpu.Recorder) {
	if !l.w.Blocks() || l.w.Cols%32 != 0 {
		r.Misfit(l.Kernel, "%v in %s", l.w, l.w.Format)
		return
	}
	q, err := r.Device().Scratch("activations as integers", gpu.U32, l.x.Shape[0], l.w.Cols/32*IntWords)
	if err != nil {
		r.Fail(err)
		return
	}
	if l.gain.Exists() {
		QuantizeNormed(r, q, l.x, l.gain, l.eps)
	} else {
		QuantizeRows(r, q, l.x)
	}
	l.x = q
}
