package model

import (
	"context"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/tokenizer"
)

// A visionPass is the activations of the image encoder for one image.
type visionPass struct {
	*pass
	pixels  gpu.Tensor // [channels, height, width]
	patches gpu.Tensor // [patches, channels*patch*patch]
	conv    gpu.Tensor // [patches, hidden]
}

func newVisionPass(a *arena, v *VisionEncoder, g tokenizer.Grid) visionPass {
	n, width := g.Patches(), v.HiddenSize
	t := visionPass{
		pass:    newPass(a, n, width, width, width, v.IntermediateSize),
		pixels:  a.new("pixels", v.Channels, g.Rows*v.PatchSize, g.Cols*v.PatchSize),
		patches: a.new("patches", n, v.PatchWidth()),
		conv:    a.new("patch_conv", n, width),
	}
	t.table = a.filled("table", func() []float32 { return ImageTable(g.Rows, g.Cols, v.HeadDim(), v.RopeTheta) }, n, v.HeadDim()/2, 2)
	rows, pages := ops.InOrder(0, n, true)
	t.seats.Rows = a.filledInts("seats", func() []uint32 { return ops.Words(rows) }, n, 4)
	t.seats.Pages = a.filledInts("pages", func() []uint32 { return pages }, len(pages))
	t.runs = []run{{Stretch: ops.Stretch{To: n, Keys: n}}}
	t.headDim, t.eps = v.HeadDim(), VisionNormEps
	return t
}

// EncodeImage runs an image through the encoder and the adapter. The rows that it
// returns, [patches, dim], are the caller's to free.
func (p *Pixtral) EncodeImage(ctx context.Context, img *pixels.Patches) (gpu.Tensor, error) {
	return p.encode(ctx, img, 0, nil, nil)
}

// ImageBytes returns how many bytes the rows of an image take.
func (c *Config) ImageBytes(g tokenizer.Grid) uint64 { return gpu.F32.Bytes(g.Patches() * c.Dim) }

// encode runs one image through the encoder and the adapter and returns a row
// for each of its patches: [patches, dim]. index numbers the image for taps.
//
// Images are encoded one by one, so no patch ever sees another image's
// (spec §3.4); mistral_inference/vision_encoder.py means to mask them so.
func (p *Pixtral) encode(ctx context.Context, img *pixels.Patches, index int, tap gpu.Tap, clock *gpu.Clock) (gpu.Tensor, error) {
	a := &arena{dev: p.dev}
	defer a.free()
	t := newVisionPass(a, p.Config.VisionEncoder, img.Grid)
	rows := newAdapterPass(a, p.Config, img.Grid.Patches())
	if a.err == nil {
		a.err = p.dev.WriteFloats(t.pixels, img.Pixels)
	}
	if a.err != nil {
		return gpu.Tensor{}, a.err
	}
	r := p.dev.Record()
	r.Tap, r.Clock, r.Context = tap, clock, ctx
	p.tower(ctx, r, t, index)
	return p.adapt(r, rows, t.x, index)
}

// tower records the image encoder.
func (p *Pixtral) tower(ctx context.Context, r *gpu.Recorder, t visionPass, index int) {
	defer r.EnterAt("vision", index)()
	w := &p.w.visionEncoder
	ops.Patchify(r, t.patches, t.pixels, p.Config.VisionEncoder.PatchSize)
	ops.Linear(r, t.conv, t.patches, w.patchConv)
	ops.RMSNorm(r, t.x.As("ln_pre"), t.conv, w.lnPre, VisionNormEps)
	t.run(ctx, r, w.layers)
}
