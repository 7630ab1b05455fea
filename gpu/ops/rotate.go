package ops

import "pixtral-wgpu/gpu"

type rotateParams struct{ Rows, Heads, Quads uint32 }

// Rotate records the rotation of each pair (x[2i], x[2i+1]) of each head, in
// place: a row of x turns by the row of the table that its seat names. Text and
// images differ only in the table. x: [n, heads*headDim]; table: [positions,
// headDim/2, 2], cosine and sine; headDim a multiple of 4.
func Rotate(r *gpu.Recorder, x, table gpu.Tensor, seats Seats, headDim int) {
	rows, width := x.Shape[0], cols(x)
	if headDim%4 != 0 || width%headDim != 0 || cols(table) != headDim || !seats.seated(rows) {
		r.Misfit("rotate", "%v by %v and %v, heads of %d", x, table, seats.Rows, headDim)
		return
	}
	each(r, "rotate", x.Len()/4, gpu.Dispatch{
		Params: rotateParams{uint32(rows), uint32(width / headDim), uint32(headDim / 4)},
		Read:   []gpu.Tensor{table, seats.Rows},
		Write:  x,
	})
}
