package model

import (
	"context"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
)

// headRows is how many rows of logits are made at a time when all are wanted:
// 16 MiB of them for Pixtral's vocabulary.
const headRows = 32

// A decoder is the activations of the text tower, for chunks of a size.
type decoder struct {
	pass   *pass
	cache  *cache
	tokens gpu.Tensor // [chunk] u32
	at     gpu.Tensor // [chunk] u32: rows that image rows go to
	tail   gpu.Tensor // [headRows, dim]: rows that want logits
	norm   gpu.Tensor // [headRows, dim]
	logits gpu.Tensor // [headRows, vocab]
	best   gpu.Tensor // [1] u32
	made   int        // rows of logits that the last pass made
}

// newDecoder makes the activations for chunks of at most so many tokens.
// all says that every row will want logits, not only the last of a chunk.
func newDecoder(a *arena, c *Config, positions, chunk int, all bool, kv gpu.Type) (*decoder, error) {
	d := &decoder{}
	var err error
	if d.cache, err = newCache(a, c, positions, kv); err != nil {
		return nil, err
	}
	tail := 1
	if all {
		tail = min(headRows, chunk)
	}
	d.pass = newPass(a, chunk, c.Dim, c.Heads*c.HeadDim, c.KVHeads*c.HeadDim, c.HiddenDim)
	d.pass.headDim, d.pass.eps, d.pass.history = c.HeadDim, c.NormEps, d.cache
	d.pass.table = a.filled("table", func() []float32 { return TextTable(0, positions, c.HeadDim, c.RopeTheta) }, positions, c.HeadDim/2, 2)
	d.tokens, d.at = a.typed("tokens", gpu.U32, chunk), a.typed("at", gpu.U32, chunk)
	d.tail, d.norm, d.logits = a.new("tail", tail, c.Dim), a.new("norm", tail, c.Dim), a.new("logits", tail, c.VocabSize)
	d.best = a.typed("best", gpu.U32, 1)
	return d, a.err
}

// A span is a stretch of image rows in a chunk: row from+i of rows belongs to
// the i-th of the places at.
type span struct {
	image [32]byte
	rows  gpu.Tensor // [patches, dim]: the image as the adapter gave it
	from  int
	at    []uint32
}

// forward runs tokens that follow the used positions of the cache. If want is
// 0 no logits are made; else those of the last want rows.
func (d *decoder) forward(ctx context.Context, r *gpu.Recorder, p *Pixtral, tokens []uint32, spans []span, want int) error {
	n := len(tokens)
	t := d.pass.rows(n)
	t.first = d.cache.used
	t.mask = ops.Mask{Causal: true, Base: d.cache.used}
	if err := p.dev.Write(d.tokens, 0, words(tokens)); err != nil {
		return err
	}
	name := "embeddings"
	if len(spans) > 0 {
		name = "tok_embeddings"
	}
	ops.Embed(r, t.x.As(name), d.tokens.Rows(n), p.w.tokEmbeddings)
	if err := d.scatter(r, t.x, spans); err != nil {
		return err
	}
	t.run(ctx, r, p.w.layers)
	for from := n - want; from < n; from += d.tail.Shape[0] {
		d.head(r, p, t.x, from, min(d.tail.Shape[0], n-from))
	}
	return r.Submit()
}

// scatter records image rows over the embeddings of their tokens.
func (d *decoder) scatter(r *gpu.Recorder, x gpu.Tensor, spans []span) error {
	var at []uint32
	for _, s := range spans {
		at = append(at, s.at...)
	}
	if len(at) == 0 {
		return nil
	}
	if err := r.Device().Write(d.at, 0, words(at)); err != nil {
		return err
	}
	done := 0
	for _, s := range spans {
		name := "merging" // until the last image is in
		if done+len(s.at) == len(at) {
			name = "embeddings"
		}
		ops.Scatter(r, x.As(name), d.at, s.rows, done, s.from, len(s.at))
		done += len(s.at)
	}
	return nil
}

// head records the logits of n rows of x.
func (d *decoder) head(r *gpu.Recorder, p *Pixtral, x gpu.Tensor, from, n int) {
	r.CopyRows(d.tail, 0, x, from, n)
	ops.RMSNorm(r, d.norm.Rows(n), d.tail.Rows(n), p.w.norm, p.Config.NormEps)
	ops.Linear(r, d.logits.Rows(n), d.norm.Rows(n), p.w.output)
	d.made = n
}

// words returns the bytes of a list of u32, as the device reads them.
func words(list []uint32) []byte {
	b := make([]byte, 0, 4*len(list))
	for _, v := range list {
		b = append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
	}
	return b
}
