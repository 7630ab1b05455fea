package model

import (
	"context"
	"encoding/binary"
	"slices"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
)

// headRows is how many rows of logits are made at a time when all are wanted:
// 16 MiB of them for Pixtral's vocabulary.
const headRows = 32

// A decoder is the text tower for many sequences: activations for passes of so
// many rows, and the caches.
type decoder struct {
	pass   *pass
	caches []*cache
	lists  pageLists
	tokens gpu.Tensor // [rows] u32
	at     gpu.Tensor // [rows] u32: rows that image rows go to
	tail   gpu.Tensor // [headRows or sequences, dim]: rows that want logits
	norm   gpu.Tensor // [as many, dim]
	logits gpu.Tensor // [as many, vocab]
	best   gpu.Tensor // [as many] u32
	found  gpu.Tensor // [as many, ops.SurveyLanes, 4] u32, and
	short  gpu.Tensor // [as many, ops.ShortlistWords] u32, and
	heat   gpu.Tensor // [as many]: shortlists of the logits; none of a small vocabulary
	lot    gpu.Tensor // [as many, ops.LotWords]: how the device draws
	picked gpu.Tensor // [as many] u32: the tokens that the device picked last
	made   int        // rows of logits that the last pass made

	// What a pass needs on the host is kept, so that a token allocates nothing.
	rec   *gpu.Recorder
	batch batch
	bytes []byte
	views map[int]*view
	boxes [3]*gpu.Mailbox

	underway []underway // passes ahead of the host; the first was submitted first
	turn     int        // which of two boxes the next one posts to

	heats, written []float32 // of heat: wanted, and there
	listed         []Shortlist
}

// A view is the activations of a pass of so many rows, or of so many logits.
type view struct {
	pass                    *pass
	tokens                  gpu.Tensor
	tail, norm, logits      gpu.Tensor
	best, picked            gpu.Tensor
	found, short, heat, lot gpu.Tensor // none where there are no shortlists, as
	parts                   gpu.Tensor // [as many, ops.SurveyLanes, 2], in the memory of found

	tape  gpu.Tape // of the layers and the head for tokens of answers, for a while
	taped passKind // the same for each
}

// A passKind is what passes of tokens of answers differ in, as they are recorded,
// besides how many rows there are.
type passKind struct {
	cache  *cache
	splits int // of the keys
}

// view returns the activations for n rows.
func (d *decoder) view(n int) *view {
	v := d.views[n]
	if v == nil {
		v = &view{pass: d.pass.rows(n), tokens: d.tokens.Rows(n), tail: d.tail.Rows(n), norm: d.norm.Rows(n), logits: d.logits.Rows(n), best: d.best.Rows(n), picked: d.picked.Rows(n)}
		if d.listing() {
			v.found, v.short, v.heat, v.lot = d.found.Rows(n), d.short.Rows(n), d.heat.Rows(n), d.lot.Rows(n)
			v.parts = v.found.As("parts")
			v.parts.Shape = []int{n, ops.SurveyLanes, 2}
		}
		d.views[n] = v
	}
	return v
}

// newDecoder makes the activations and the caches of a pool.
func newDecoder(a *arena, c *Config, o PoolOptions, kv gpu.Type) (*decoder, error) {
	d := &decoder{views: map[int]*view{}}
	var err error
	if d.caches, err = newCaches(a, c, o, kv); err != nil {
		return nil, err
	}
	tail := o.Sequences
	if o.allLogits {
		tail = min(headRows, o.Rows)
	}
	d.pass = newPass(a, o.Rows, c.Dim, c.Heads*c.HeadDim, c.KVHeads*c.HeadDim, c.HiddenDim)
	d.pass.headDim, d.pass.eps = c.HeadDim, c.NormEps
	d.pass.table = a.filled("table", func() []float32 { return TextTable(0, o.Context, c.HeadDim, c.RopeTheta, c.RopeFactors) }, o.Context, c.HeadDim/2, 2)
	d.pass.parts = a.new("parts", partsLen(c, o))
	d.lists = newPageLists(a, o.Sequences, pagesFor(o.Context))
	d.pass.seats = ops.Seats{Rows: a.typed("seats", gpu.U32, o.Rows, 4), Pages: d.lists.tensor}
	d.tokens, d.at = a.typed("tokens", gpu.U32, o.Rows), a.typed("at", gpu.U32, o.Rows)
	d.tail, d.norm, d.logits = a.new("tail", tail, c.Dim), a.new("norm", tail, c.Dim), a.new("logits", tail, c.VocabSize)
	d.best, d.picked = a.typed("best", gpu.U32, tail), a.typed("picked", gpu.U32, tail)
	d.newLists(a, c.VocabSize, tail)
	return d, a.err
}

// partsLen returns how large the parts of attention are: of a row with the whole
// context, and of as many as there are sequences up to 16 MiB.
func partsLen(c *Config, o PoolOptions) int {
	row := ops.PartsLen(o.Context, c.Heads, c.HeadDim)
	return row * max(1, min(o.Sequences, 4<<20/row))
}

// forward runs a batch: its rows through the layers, and the head for those that
// want logits.
func (d *decoder) forward(ctx context.Context, r *gpu.Recorder, p *Pixtral, b *batch) error {
	r.Context = ctx
	v := d.view(len(b.tokens))
	v.pass.runs, v.pass.each = b.runs, b.each
	if err := d.write(p.dev, b); err != nil {
		return err
	}
	name := "embeddings"
	if len(b.spans) > 0 {
		name = "tok_embeddings"
	}
	ops.Embed(r, v.pass.x.As(name), d.fed(r, v, b.fed), p.w.tokEmbeddings)
	d.scatter(r, v.pass.x, b.spans)
	record := func() { d.record(ctx, r, p, v.pass, b.wanted) }
	if kind, ok := b.kind(); !ok {
		record()
	} else {
		if v.taped != kind {
			v.tape.Erase()
			v.taped = kind
		}
		r.Taped(&v.tape, record)
	}
	if n := len(b.wanted); n > 0 {
		d.made = (n-1)%d.tail.Shape[0] + 1 // the last of as many at a time as there is room for
	}
	if b.box != nil {
		d.pick(r, b.box, len(b.wanted), len(b.lots))
	}
	return r.Submit()
}

// kind returns what tells passes of tokens of answers apart, and whether b is one:
// a row of each of some sequences, all in one cache.
func (b *batch) kind() (passKind, bool) {
	if !b.each || len(b.runs) != 1 || len(b.wanted) != len(b.tokens) || len(b.spans) > 0 {
		return passKind{}, false
	}
	return passKind{b.runs[0].cache, ops.Splits(b.runs[0].Keys)}, true
}

// record records the layers of a pass, and the logits of the rows that want them.
func (d *decoder) record(ctx context.Context, r *gpu.Recorder, p *Pixtral, t *pass, wanted []int) {
	t.run(ctx, r, p.w.layers, 0)
	for done := 0; done < len(wanted); {
		n := min(d.tail.Shape[0], len(wanted)-done)
		d.head(r, p, t, wanted[done:done+n])
		done += n
	}
}

// write writes what the device must know of a batch.
func (d *decoder) write(dev *gpu.Device, b *batch) error {
	if err := d.lists.flush(dev); err != nil {
		return err
	}
	if err := d.writeLots(dev, b.lots); err != nil {
		return err
	}
	if len(b.fed) == 0 || slices.Contains(b.fed, -1) {
		d.bytes = words(d.bytes[:0], b.tokens)
		if err := dev.Write(d.tokens, 0, d.bytes); err != nil {
			return err
		}
	}
	d.bytes = d.bytes[:0]
	for _, s := range b.spans {
		d.bytes = words(d.bytes, s.at)
	}
	if len(d.bytes) > 0 {
		if err := dev.Write(d.at, 0, d.bytes); err != nil {
			return err
		}
	}
	d.bytes = d.bytes[:0]
	for _, s := range b.seats {
		d.bytes = words(d.bytes, []uint32{s.Angle, s.Seen, s.Pages, s.Place})
	}
	return dev.Write(d.pass.seats.Rows, 0, d.bytes)
}

// scatter records image rows over the embeddings of their tokens.
func (d *decoder) scatter(r *gpu.Recorder, x gpu.Tensor, spans []span) {
	done := 0
	for i, s := range spans {
		name := "merging" // until the last image is in
		if i == len(spans)-1 {
			name = "embeddings"
		}
		ops.Scatter(r, x.As(name), d.at, s.rows, done, s.from, len(s.at))
		done += len(s.at)
	}
}

// head records the logits of some rows of the pass.
func (d *decoder) head(r *gpu.Recorder, p *Pixtral, t *pass, wanted []int) {
	v := d.view(len(wanted))
	x := d.wanted(r, v, t, wanted)
	in := ops.Input{X: x, Gain: p.w.norm, Normed: v.norm, Eps: p.Config.NormEps}
	if r.Tap != nil {
		ops.RMSNorm(r, v.norm, x, p.w.norm, p.Config.NormEps)
		in = ops.Input{X: v.norm}
	}
	ops.LinearInput(r, v.logits, in, p.w.output, true)
}

// wanted returns some rows of the pass one after the other: where they are, if they
// are its first, or else copies.
func (d *decoder) wanted(r *gpu.Recorder, v *view, t *pass, rows []int) gpu.Tensor {
	if rows[0] == 0 && neighbours(rows) == len(rows) {
		return v.pass.x
	}
	for i := 0; i < len(rows); {
		n := neighbours(rows[i:])
		r.CopyRows(d.tail, i, t.x, rows[i], n)
		i += n
	}
	return v.tail
}

// neighbours returns how many of rows, from the first on, come one after the other.
func neighbours(rows []int) int {
	n := 1
	for n < len(rows) && rows[n] == rows[0]+n {
		n++
	}
	return n
}

// words appends a list of u32 to b, as the device reads them.
func words(b []byte, list []uint32) []byte {
	for _, v := range list {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}
