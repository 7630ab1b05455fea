package ops

import "pixtral-wgpu/gpu"

// An Input is the rows that a product takes: those of X as they are or, if there is
// a Gain, X / rms(X) * Gain.
type Input struct {
	X      gpu.Tensor // [n, cols]
	Gain   gpu.Tensor // [cols]; none for X as it is
	Normed gpu.Tensor // [n, cols], which may then be overwritten
	Eps    float32
}

// NormEach is what a device may prefer a norm of its own before products of Each
// for; without a preference those that can norm the rows they take themselves.
const NormEach = "norm each"

// norms reports whether l norms the rows that it takes, itself or where they become
// integers. On a GPU that spares a dispatch, which waits for the one before it; a
// software adapter's products take so long that it would spare nothing.
func (l *linear) norms(r *gpu.Recorder) bool {
	switch l.Kernel {
	case "linear_vec", "linear_subgroup", "linear_vec_ints":
		return r.Device().Preferred(gpu.Use{Op: NormEach, Format: l.w.Format}).Kernel == ""
	}
	return false
}

// take has l take the input, normed by a dispatch of its own if the kernel cannot.
func (l *linear) take(r *gpu.Recorder, in *Input) {
	l.x = in.X
	switch {
	case !in.Gain.Exists():
	case !l.norms(r):
		RMSNorm(r, in.Normed, in.X, in.Gain, in.Eps)
		l.x = in.Normed
	case in.Gain.Len() != cols(in.X):
		r.Misfit(l.Kernel, "%s by the gain %s", in.X.String(), in.Gain.String())
	default:
		l.gain, l.eps = in.Gain, in.Eps
		if !integers(l.Kernel) {
			l.input = "normed"
		}
	}
}

// LinearInput is LinearEach, or LinearMany, of an input.
func LinearInput(r *gpu.Recorder, y gpu.Tensor, in Input, w *gpu.Matrix, each bool) {
	LinearInputBy(r, pick(r, w, in.X.Shape[0], each), y, in, w)
}

// LinearInputBy is LinearInput with the way named.
func LinearInputBy(r *gpu.Recorder, way gpu.Way, y gpu.Tensor, in Input, w *gpu.Matrix) {
	if cols(y) != w.Rows {
		r.Misfit(way.Kernel, "%s from %s and %v", y.String(), in.X.String(), w)
		return
	}
	l := linear{Way: way, y: y, w: w}
	l.take(r, &in)
	l.record(r)
}
