package ops

import "pixtral-wgpu/gpu"

type quantizeRowsParams struct{ N uint32 }

// IntWords is how many words 32 activations take as integers: their codes, the
// scale, two sums, and one that fills up.
const IntWords = 12

// QuantizeRows records y = x as signed bytes, 32 to a scale, for LinearInts.
// x: [n, cols], cols a multiple of 32; y: [n, cols/32*IntWords] u32.
func QuantizeRows(r *gpu.Recorder, y, x gpu.Tensor) {
	n := x.Len() / 32
	if cols(x)%32 != 0 || y.Type != gpu.U32 || y.Shape[0] != x.Shape[0] || y.Len() != n*IntWords {
		r.Misfit("quantize_rows", "%v from %v", y, x)
		return
	}
	each(r, "quantize_rows", n, gpu.Dispatch{
		Params: quantizeRowsParams{uint32(n)},
		Read:   []gpu.Tensor{x},
		Write:  y,
	})
}

// LinearInts is Linear for activations that QuantizeRows made, and weights in
// blocks. Up to AlikeRows rows are the same to the bit, whatever others there are.
func LinearInts(r *gpu.Recorder, y, x gpu.Tensor, w *gpu.Matrix) {
	kernel := "linear_tile_ints"
	if x.Shape[0] <= AlikeRows {
		kernel = "linear_vec_ints"
	}
	LinearIntsBy(r, kernel, y, x, w)
}

// LinearIntsBy is LinearInts with the kernel named.
func LinearIntsBy(r *gpu.Recorder, kernel string, y, x gpu.Tensor, w *gpu.Matrix) {
	n := x.Shape[0]
	l := linear{kernel: kernel, y: y, x: x, w: w}
	if !w.Blocks() || cols(x) != w.Cols/32*IntWords || y.Shape[0] != n || cols(y) != w.Rows || w.Cols%32 != 0 {
		r.Misfit(kernel, "%v from %v and %v in %s", y, x, w, w.Format)
		return
	}
	for i := range w.Shards {
		s, last := &w.Shards[i], i+1 == len(w.Shards)
		switch kernel {
		case "linear_vec_ints":
			l.vec(r, s, last)
		case "linear_tile_ints":
			l.tile(r, s, last, 64, 64)
		default:
			r.Misfit(kernel, "it is no linear kernel of integers")
		}
	}
}
