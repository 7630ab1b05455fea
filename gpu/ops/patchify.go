package ops

import "pixtral-wgpu/gpu"

type patchifyParams struct{ N, Channels, Side, Cols, First uint32 }

// Patchify records the patches of an image as rows of y from first on, row-major
// over the image, each in the order channel, y, x. pixels: [channels, rows*patch,
// cols*patch]; y: [first + rows*cols or more, channels*patch*patch].
func Patchify(r *gpu.Recorder, y gpu.Tensor, first int, pixels gpu.Tensor, patch int) {
	if len(pixels.Shape) != 3 || patch < 1 || pixels.Shape[1]%patch != 0 || pixels.Shape[2]%patch != 0 || cols(y) != pixels.Shape[0]*patch*patch ||
		first < 0 || first*cols(y)+pixels.Len() > y.Len() {
		r.Misfit("patchify", "%v, row %d on, from %v by %d", y, first, pixels, patch)
		return
	}
	n := pixels.Len()
	each(r, "patchify", n, gpu.Dispatch{
		Params: patchifyParams{uint32(n), uint32(pixels.Shape[0]), uint32(patch), uint32(pixels.Shape[2] / patch), uint32(first)},
		Read:   []gpu.Tensor{pixels},
		Write:  y,
	})
}
