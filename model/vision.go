package model

import (
	"context"
	"slices"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/tokenizer"
)

// An Encoder is the activations of the image encoder and the adapter, in which images
// take their turns. Close gives them back.
type Encoder struct {
	p       *Pixtral
	arena   arena
	rows    int // that there is room for
	vision  visionPass
	adapter adapterPass
}

// NewEncoder makes an encoder. It takes room when it must.
func (p *Pixtral) NewEncoder() *Encoder { return &Encoder{p: p, arena: arena{dev: p.dev}} }

// Close gives the room back that the encoder takes.
func (c *Encoder) Close() {
	if c.rows > 0 {
		c.arena.free()
	}
	c.rows = 0
}

// reserve makes room for so many rows at once.
func (c *Encoder) reserve(rows int) error {
	if rows <= c.rows {
		return nil
	}
	c.Close()
	c.arena, c.rows = arena{dev: c.p.dev}, rows
	c.vision = newVisionPass(&c.arena, c.p.Config.VisionEncoder, rows)
	c.adapter = newAdapterPass(&c.arena, c.p.Config, rows)
	if err := c.arena.err; err != nil {
		c.Close()
		return err
	}
	return nil
}

// A visionPass is the activations of the image encoder.
type visionPass struct {
	*pass
	patches gpu.Tensor // [rows, channels*patch*patch]
	conv    gpu.Tensor // [rows, hidden]
	cache   *cache     // keys and values of the layer that is under way
}

func newVisionPass(a *arena, v *VisionEncoder, rows int) visionPass {
	width := v.HiddenSize
	t := visionPass{
		pass:    newPass(a, rows, width, width, width, v.IntermediateSize),
		patches: a.new("patches", rows, v.PatchWidth()),
		conv:    a.new("patch_conv", rows, width),
	}
	keys, values := a.texels("keys", gpu.F32, rows, width), a.texels("values", gpu.F32, rows, width)
	t.cache = &cache{keys: slices.Repeat([]gpu.Tensor{keys}, v.Layers), values: slices.Repeat([]gpu.Tensor{values}, v.Layers)}
	t.table = a.new("table", rows, v.HeadDim()/2, 2)
	t.seats.Rows = a.typed("seats", gpu.U32, rows, 4)
	_, pages := ops.InOrder(0, rows, true)
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
// be gone a few layers at a time, with other work between. Several go side by side:
// each begins with a page of rows; those between two are nobody's.
type Encoding struct {
	encoder  *Encoder
	arena    arena
	grids    []tokenizer.Grid
	starts   []int        // first rows of the images
	pixels   []gpu.Tensor // [channels, height, width] each
	vision   visionPass
	adapter  adapterPass
	together gpu.Tensor // [rows, dim]: what comes out, before each image gets its own; none for one
	layer    int        // that comes next
}

// Start begins to encode images side by side: each comes out as it would alone. What
// the encoder was at before need not be done, but it must have been recorded or given
// up. The encoding's Close gives back what it takes.
func (c *Encoder) Start(images ...*pixels.Patches) (*Encoding, error) {
	e := &Encoding{encoder: c, arena: arena{dev: c.p.dev}}
	for _, img := range images {
		e.grids = append(e.grids, img.Grid)
	}
	var rows int
	e.starts, rows = sideBySide(e.grids)
	err := c.reserve(rows)
	if err == nil {
		err = e.lay(images, rows)
	}
	if err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// lay writes what the device must know of images that take so many rows.
func (e *Encoding) lay(images []*pixels.Patches, rows int) error {
	c, v := e.encoder, e.encoder.p.Config.VisionEncoder
	e.vision = visionPass{c.vision.rows(rows), c.vision.patches.Rows(rows), c.vision.conv.Rows(rows), c.vision.cache}
	e.adapter = adapterPass{c.adapter.inner.Rows(rows), c.adapter.activated.Rows(rows)}
	if len(images) > 1 {
		e.together = e.arena.new("rows", rows, c.p.Config.Dim)
	}
	seats, _ := ops.InOrder(0, rows, true)
	table := make([]float32, rows*v.HeadDim())
	for i, img := range images {
		g := img.Grid
		from, to := e.starts[i], e.starts[i]+g.Patches()
		for row := from; row < to; row++ {
			seats[row].Pages, seats[row].Seen = uint32(from/ops.Page), uint32(g.Patches())
		}
		copy(table[from*v.HeadDim():], ImageTable(g.Rows, g.Cols, v.HeadDim(), v.RopeTheta))
		e.vision.runs = append(e.vision.runs, run{ops.Stretch{From: from, To: to, Keys: g.Patches()}, c.vision.cache})
		e.pixels = append(e.pixels, e.arena.filled("pixels", func() []float32 { return img.Pixels }, v.Channels, img.Height, img.Width))
	}
	if e.arena.err != nil {
		return e.arena.err
	}
	if err := c.p.dev.WriteFloats(e.vision.table.Rows(rows), table); err != nil {
		return err
	}
	return c.p.dev.Write(e.vision.seats.Rows, 0, words(nil, ops.Words(seats)))
}

// Close frees what the encoding takes; its result is not part of that.
func (e *Encoding) Close() { e.arena.free() }

// Step goes on by so many layers, and waits for those before them. Once all are
// done it returns the rows of each image, [patches, dim], which are the caller's to
// free; until then nothing.
func (e *Encoding) Step(ctx context.Context, layers int) ([]gpu.Tensor, error) {
	r := e.encoder.p.dev.Record()
	r.Context = ctx
	return e.step(ctx, r, 0, layers)
}

// step is Step with a recorder. index numbers the first image for taps.
func (e *Encoding) step(ctx context.Context, r *gpu.Recorder, index, layers int) ([]gpu.Tensor, error) {
	e.record(ctx, r, index, layers)
	if e.layer < len(e.encoder.p.w.visionEncoder.layers) {
		return nil, r.Submit()
	}
	return e.adapt(r, index)
}

// record records as many of the layers that are left.
func (e *Encoding) record(ctx context.Context, r *gpu.Recorder, index, layers int) {
	defer r.EnterAt("vision", index)()
	w := &e.encoder.p.w.visionEncoder
	if e.layer == 0 {
		for i, image := range e.pixels {
			ops.Patchify(r, e.vision.patches, e.starts[i], image, e.encoder.p.Config.VisionEncoder.PatchSize)
		}
		ops.LinearMany(r, e.vision.conv, e.vision.patches, w.patchConv)
		ops.RMSNorm(r, e.vision.x.As("ln_pre"), e.vision.conv, w.lnPre, VisionNormEps)
	}
	end := min(e.layer+layers, len(w.layers))
	e.vision.run(ctx, r, w.layers[:end], e.layer)
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
func (c *Encoder) encode(ctx context.Context, index int, tap gpu.Tap, clock *gpu.Clock, images ...*pixels.Patches) ([]gpu.Tensor, error) {
	e, err := c.Start(images...)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	r := c.p.dev.Record()
	r.Tap, r.Clock, r.Context = tap, clock, ctx
	return e.step(ctx, r, index, len(c.p.w.visionEncoder.layers))
}

// encode is Encoder.encode of one image.
func (p *Pixtral) encode(ctx context.Context, img *pixels.Patches, tap gpu.Tap) (gpu.Tensor, error) {
	c := p.NewEncoder()
	defer c.Close()
	rows, err := c.encode(ctx, 0, tap, nil, img)
	if err != nil {
		return gpu.Tensor{}, err
	}
	return rows[0], nil
}
