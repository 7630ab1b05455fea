package model

import (
	"context"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/model/pixels"
)

// encode runs one image through the encoder and the adapter and returns a row
// for each of its patches: [patches, dim]. index numbers the image for taps.
//
// Images are encoded one by one, so no patch ever sees another image's
// (spec §3.4); mistral_inference/vision_encoder.py means to mask them so.
func (p *Pixtral) encode(ctx context.Context, img *pixels.Patches, index int, tap gpu.Tap, clock *gpu.Clock) (gpu.Tensor, error) {
	v, w := p.Config.VisionEncoder, &p.w.visionEncoder
	a := &arena{dev: p.dev}
	defer a.free()
	n, width := img.Grid.Patches(), v.HiddenSize
	input := a.keep(p.dev.UploadFloats("pixels", img.Pixels, v.Channels, img.Height, img.Width))
	patches := a.new("patches", n, v.PatchWidth())
	conv := a.new("patch_conv", n, width)
	t := newPass(a, n, width, width, width, v.IntermediateSize)
	t.table = a.keep(p.dev.UploadFloats("table", ImageTable(img.Grid.Rows, img.Grid.Cols, v.HeadDim(), v.RopeTheta), n, v.HeadDim()/2, 2))
	t.headDim, t.eps = v.HeadDim(), VisionNormEps
	if a.err != nil {
		return gpu.Tensor{}, a.err
	}

	r := p.dev.Record()
	r.Tap, r.Clock = tap, clock
	leave := r.Enter("vision.%d", index)
	ops.Patchify(r, patches, input, v.PatchSize)
	ops.Linear(r, conv, patches, w.patchConv)
	ops.RMSNorm(r, t.x.As("ln_pre"), conv, w.lnPre, VisionNormEps)
	t.run(ctx, r, w.layers)
	leave()
	return p.adapt(r, t.x, index)
}
