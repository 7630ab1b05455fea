package ops

import "pixtral-wgpu/gpu"

// LinearEach is Linear whose rows of y do not depend on what rows x has beside
// theirs, nor on how many: rows of many sequences are answered as each alone.
func LinearEach(r *gpu.Recorder, y, x gpu.Tensor, w *gpu.Matrix) {
	LinearBy(r, pick(r, w, x.Shape[0], true), y, x, w)
}

// LinearMany is Linear for the rows of a prompt, however few: cut into other
// pieces, a prompt gives the same rows.
func LinearMany(r *gpu.Recorder, y, x gpu.Tensor, w *gpu.Matrix) {
	LinearBy(r, pick(r, w, x.Shape[0], false), y, x, w)
}
