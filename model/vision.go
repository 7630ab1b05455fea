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

// An Encoding is an image on its way through the encoder and the adapter, which
// may be gone a few layers at a time, with other work between.
type Encoding struct {
	p     *Pixtral
	arena *arena
	pass  visionPass
	rows  adapterPass
	layer int // that comes next
}

// StartImage begins to encode an image. Close gives back what it takes.
func (p *Pixtral) StartImage(img *pixels.Patches) (*Encoding, error) {
	e := &Encoding{p: p, arena: &arena{dev: p.dev}}
	e.pass = newVisionPass(e.arena, p.Config.VisionEncoder, img.Grid)
	e.rows = newAdapterPass(e.arena, p.Config, img.Grid.Patches())
	if e.arena.err == nil {
		e.arena.err = p.dev.WriteFloats(e.pass.pixels, img.Pixels)
	}
	if e.arena.err != nil {
		e.Close()
		return nil, e.arena.err
	}
	return e, nil
}

// Close frees what the encoding takes; its result is not part of that.
func (e *Encoding) Close() { e.arena.free() }

// Step goes on by so many layers, and waits for them. Once all are done it
// returns the image's rows, [patches, dim], which are the caller's to free; until
// then, a tensor that does not exist.
func (e *Encoding) Step(ctx context.Context, layers int) (gpu.Tensor, error) {
	r := e.p.dev.Record()
	r.Context = ctx
	e.record(ctx, r, 0, layers)
	if e.layer < len(e.p.w.visionEncoder.layers) {
		if err := r.Submit(); err != nil {
			return gpu.Tensor{}, err
		}
		return gpu.Tensor{}, e.p.dev.Alive()
	}
	return e.p.adapt(r, e.rows, e.pass.x, 0)
}

// record records as many of the layers that are left.
func (e *Encoding) record(ctx context.Context, r *gpu.Recorder, index, layers int) {
	defer r.EnterAt("vision", index)()
	w := &e.p.w.visionEncoder
	if e.layer == 0 {
		ops.Patchify(r, e.pass.patches, e.pass.pixels, e.p.Config.VisionEncoder.PatchSize)
		ops.Linear(r, e.pass.conv, e.pass.patches, w.patchConv)
		ops.RMSNorm(r, e.pass.x.As("ln_pre"), e.pass.conv, w.lnPre, VisionNormEps)
	}
	end := min(e.layer+layers, len(w.layers))
	e.pass.run(ctx, r, w.layers[:end], e.layer)
	e.layer = end
}

// ImageBytes returns how many bytes the rows of an image take.
func (c *Config) ImageBytes(g tokenizer.Grid) uint64 { return gpu.F32.Bytes(g.Patches() * c.Dim) }

// encode runs one image through the encoder and the adapter and returns a row
// for each of its patches: [patches, dim]. index numbers the image for taps.
//
// Images are encoded one by one, so no patch ever sees another image's
// (spec §3.4); mistral_inference/vision_encoder.py means to mask them so.
func (p *Pixtral) encode(ctx context.Context, img *pixels.Patches, index int, tap gpu.Tap, clock *gpu.Clock) (gpu.Tensor, error) {
	e, err := p.StartImage(img)
	if err != nil {
		return gpu.Tensor{}, err
	}
	defer e.Close()
	r := p.dev.Record()
	r.Tap, r.Clock, r.Context = tap, clock, ctx
	e.record(ctx, r, index, len(p.w.visionEncoder.layers))
	return p.adapt(r, e.rows, e.pass.x, index)
}
