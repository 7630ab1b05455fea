package model

import (
	"context"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/tokenizer"
)

// A visionPass is the activations of the image encoder for one image, or for several
// side by side. Each begins with a page of rows; those between two are nobody's.
type visionPass struct {
	*pass
	starts  []int        // first rows of the images
	pixels  []gpu.Tensor // [channels, height, width] each
	patches gpu.Tensor   // [rows, channels*patch*patch]
	conv    gpu.Tensor   // [rows, hidden]
}

func newVisionPass(a *arena, v *VisionEncoder, grids ...tokenizer.Grid) visionPass {
	starts, n := sideBySide(grids)
	width := v.HiddenSize
	t := visionPass{
		pass:    newPass(a, n, width, width, width, v.IntermediateSize),
		starts:  starts,
		patches: a.new("patches", n, v.PatchWidth()),
		conv:    a.new("patch_conv", n, width),
	}
	rows, pages := ops.InOrder(0, n, true)
	for i, g := range grids {
		from, to := starts[i], starts[i]+g.Patches()
		for row := from; row < to; row++ {
			rows[row].Pages, rows[row].Seen = uint32(from/ops.Page), uint32(g.Patches())
		}
		t.runs = append(t.runs, run{Stretch: ops.Stretch{From: from, To: to, Keys: g.Patches()}})
		t.pixels = append(t.pixels, a.new("pixels", v.Channels, g.Rows*v.PatchSize, g.Cols*v.PatchSize))
	}
	t.table = a.filled("table", func() []float32 {
		table := make([]float32, n*v.HeadDim())
		for i, g := range grids {
			copy(table[starts[i]*v.HeadDim():], ImageTable(g.Rows, g.Cols, v.HeadDim(), v.RopeTheta))
		}
		return table
	}, n, v.HeadDim()/2, 2)
	t.seats.Rows = a.filledInts("seats", func() []uint32 { return ops.Words(rows) }, n, 4)
	t.seats.Pages = a.filledInts("pages", func() []uint32 { return pages }, len(pages))
	t.headDim, t.eps = v.HeadDim(), VisionNormEps
	return t
}

// sideBySide returns the first rows of images in a pass, and how many rows it has.
func sideBySide(grids []tokenizer.Grid) (starts []int, rows int) {
	for _, g := range grids {
		start := pagesFor(rows) * ops.Page
		starts, rows = append(starts, start), start+g.Patches()
	}
	return starts, rows
}

// togetherRows is how many rows of images go through the encoder side by side: so
// many keep a large GPU busy, and are few beside the 4096 of the largest image.
const togetherRows = 1024

// Together returns how many images, from the first on and at least that one, are
// best encoded side by side.
func Together(images []*pixels.Patches) (n int) {
	for rows := 0; n < len(images); n++ {
		rows = pagesFor(rows)*ops.Page + images[n].Grid.Patches()
		if n > 0 && rows > togetherRows {
			break
		}
	}
	return n
}

// An Encoding is images on their way through the encoder and the adapter, which may
// be gone a few layers at a time, with other work between.
type Encoding struct {
	p     *Pixtral
	arena *arena
	grids []tokenizer.Grid
	pass  visionPass
	rows  adapterPass
	layer int // that comes next
}

// StartImages begins to encode images side by side: each comes out as it would
// alone. Close gives back what it takes.
func (p *Pixtral) StartImages(images ...*pixels.Patches) (*Encoding, error) {
	e := &Encoding{p: p, arena: &arena{dev: p.dev}}
	for _, img := range images {
		e.grids = append(e.grids, img.Grid)
	}
	e.pass = newVisionPass(e.arena, p.Config.VisionEncoder, e.grids...)
	e.rows = newAdapterPass(e.arena, p.Config, e.grids...)
	for i, img := range images {
		if e.arena.err == nil {
			e.arena.err = p.dev.WriteFloats(e.pass.pixels[i], img.Pixels)
		}
	}
	if e.arena.err != nil {
		e.Close()
		return nil, e.arena.err
	}
	return e, nil
}

// Close frees what the encoding takes; its result is not part of that.
func (e *Encoding) Close() { e.arena.free() }

// Step goes on by so many layers, and waits for those before them. Once all are
// done it returns the rows of each image, [patches, dim], which are the caller's to
// free; until then nothing.
func (e *Encoding) Step(ctx context.Context, layers int) ([]gpu.Tensor, error) {
	r := e.p.dev.Record()
	r.Context = ctx
	return e.step(ctx, r, 0, layers)
}

// step is Step with a recorder. index numbers the first image for taps.
func (e *Encoding) step(ctx context.Context, r *gpu.Recorder, index, layers int) ([]gpu.Tensor, error) {
	e.record(ctx, r, index, layers)
	if e.layer < len(e.p.w.visionEncoder.layers) {
		return nil, r.Submit()
	}
	return e.adapt(r, index)
}

// record records as many of the layers that are left.
func (e *Encoding) record(ctx context.Context, r *gpu.Recorder, index, layers int) {
	defer r.EnterAt("vision", index)()
	w := &e.p.w.visionEncoder
	if e.layer == 0 {
		for i, image := range e.pass.pixels {
			ops.Patchify(r, e.pass.patches, e.pass.starts[i], image, e.p.Config.VisionEncoder.PatchSize)
		}
		ops.LinearMany(r, e.pass.conv, e.pass.patches, w.patchConv)
		ops.RMSNorm(r, e.pass.x.As("ln_pre"), e.pass.conv, w.lnPre, VisionNormEps)
	}
	end := min(e.layer+layers, len(w.layers))
	e.pass.run(ctx, r, w.layers[:end], e.layer)
	e.layer = end
}

// ImageBytes returns how many bytes the rows of an image take.
func (c *Config) ImageBytes(g tokenizer.Grid) uint64 { return gpu.F32.Bytes(g.Patches() * c.Dim) }

// encode runs images through the encoder and the adapter side by side and returns a
// row for each of their patches: [patches, dim] each. index numbers the first for
// taps, which see but one.
//
// No patch ever sees another image's (spec §3.4); mistral_inference/vision_encoder.py
// means to mask them so.
func (p *Pixtral) encode(ctx context.Context, index int, tap gpu.Tap, clock *gpu.Clock, images ...*pixels.Patches) ([]gpu.Tensor, error) {
	e, err := p.StartImages(images...)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	r := p.dev.Record()
	r.Tap, r.Clock, r.Context = tap, clock, ctx
	return e.step(ctx, r, index, len(p.w.visionEncoder.layers))
}
