package ops

import "pixtral-wgpu/gpu"

type patchifyParams struct{ N, Channels, Side, Cols uint32 }

// Patchify records the patches of an image as rows, row-major over the image,
// each in the order channel, y, x. pixels: [channels, rows*patch, cols*patch];
// y: [rows*cols, channels*patch*patch].
func Patchify(r *gpu.Recorder, y, pixels gpu.Tensor, patch int) {
	if len(pixels.Shape) != 3 || patch < 1 || pixels.Shape[1]%patch != 0 || pixels.Shape[2]%patch != 0 ||
		y.Len() != pixels.Len() || cols(y) != pixels.Shape[0]*patch*patch {
		r.Misfit("patchify", "%v from %v by %d", y, pixels, patch)
		return
	}
	n := pixels.Len()
	each(r, "patchify", n, gpu.Dispatch{
		Params: patchifyParams{uint32(n), uint32(pixels.Shape[0]), uint32(patch), uint32(pixels.Shape[2] / patch)},
		Read:   []gpu.Tensor{pixels},
		Write:  y,
	})
}
