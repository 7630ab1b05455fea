package ops

import "pixtral-wgpu/gpu"

type rotateParams struct{ Rows, Heads, Quads, First uint32 }

// Rotate records the rotation of each pair (x[2i], x[2i+1]) of each head, in
// place: row r of x turns by row first+r of the table. Text and images differ
// only in the table. x: [n, heads*headDim]; table: [positions, headDim/2, 2],
// cosine and sine; headDim a multiple of 4.
func Rotate(r *gpu.Recorder, x, table gpu.Tensor, first, headDim int) {
	rows, width := x.Shape[0], cols(x)
	if headDim%4 != 0 || width%headDim != 0 || cols(table) != headDim || first < 0 || first+rows > table.Shape[0] {
		r.Misfit("rotate", "%v by rows %d to %d of %v, heads of %d", x, first, first+rows, table, headDim)
		return
	}
	each(r, "rotate", x.Len()/4, gpu.Dispatch{
		Params: rotateParams{uint32(rows), uint32(width / headDim), uint32(headDim / 4), uint32(first)},
		Read:   []gpu.Tensor{table},
		Write:  x,
	})
}
