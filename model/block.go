package model

import (
	"context"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
)

// A pass is one run through the layers of a tower: its activations, and what
// differs between text and images. Each tensor is named for the value it
// holds, because that name is what a tap sees.
type pass struct {
	x, normed, delta gpu.Tensor // [n, dim]
	q, attended      gpu.Tensor // [n, heads*headDim]
	k, v             gpu.Tensor // [n, kvHeads*headDim]
	gate, up, gated  gpu.Tensor // [n, hidden]

	parts   gpu.Tensor // of attention over long contexts; none in images
	table   gpu.Tensor // [positions, headDim/2, 2], by position or by row and column
	seats   ops.Seats  // where the rows belong
	runs    []run      // the rows by what they attend to
	each    bool       // the rows are of many sequences, and none may tell on another
	headDim int
	eps     float32
}

// A run is a stretch of rows whose keys and values lie in one cache; none if
// they are those of the pass itself, as in images.
type run struct {
	ops.Stretch
	cache *cache
}

// newPass makes the activations of a tower for n rows.
func newPass(a *arena, n, dim, width, kvWidth, hidden int) *pass {
	return &pass{
		x: a.new("x", n, dim), normed: a.new("normed", n, dim), delta: a.new("delta", n, dim),
		q: a.new("q", n, width), attended: a.new("attended", n, width),
		k: a.new("k", n, kvWidth), v: a.new("v", n, kvWidth),
		gate: a.new("gate", n, hidden), up: a.new("up", n, hidden), gated: a.new("gated", n, hidden),
	}
}

// rows returns p for its first n rows.
func (p *pass) rows(n int) *pass {
	s := *p
	for _, t := range []*gpu.Tensor{&s.x, &s.normed, &s.delta, &s.q, &s.attended, &s.k, &s.v, &s.gate, &s.up, &s.gated, &s.seats.Rows} {
		*t = t.Rows(n)
	}
	return &s
}

// run records the layers one after the other.
func (p *pass) run(ctx context.Context, r *gpu.Recorder, layers []block) {
	for i := range layers {
		if err := ctx.Err(); err != nil {
			r.Fail(err)
			return
		}
		if err := layers[i].arrive(r); err != nil {
			r.Fail(err)
			return
		}
		p.block(r, i, &layers[i])
	}
}

// block records one layer: h = x + attention(norm(x)); x = h + ffn(norm(h)).
func (p *pass) block(r *gpu.Recorder, layer int, b *block) {
	defer r.EnterAt("layers", layer)()
	p.attention(r, layer, b)
	ops.Add(r, p.x.As("h"), p.delta)
	p.feedForward(r, b)
	ops.Add(r, p.x.As(""), p.delta)
}

func (p *pass) attention(r *gpu.Recorder, layer int, b *block) {
	defer r.Enter("attention")()
	ops.RMSNorm(r, p.normed, p.x, b.attentionNorm, p.eps)
	p.linear(r, p.q, p.normed, b.wq)
	p.linear(r, p.k, p.normed, b.wk)
	p.linear(r, p.v, p.normed, b.wv)
	ops.Rotate(r, p.q.As("q_rotated"), p.table, p.seats, p.headDim)
	ops.Rotate(r, p.k.As("k_rotated"), p.table, p.seats, p.headDim)
	for _, run := range p.runs {
		keys, values := p.k, p.v
		if run.cache != nil {
			keys, values = run.cache.keys[layer], run.cache.values[layer]
			ops.Append(r, keys, p.k, p.seats, run.From, run.To)
			ops.Append(r, values, p.v, p.seats, run.From, run.To)
		}
		ops.Attention(r, p.attended, p.q, keys, values, p.parts, p.seats, run.Stretch, p.headDim)
	}
	p.linear(r, p.delta, p.attended, b.wo)
}

func (p *pass) feedForward(r *gpu.Recorder, b *block) {
	defer r.Enter("feed_forward")()
	ops.RMSNorm(r, p.normed, p.x, b.ffnNorm, p.eps)
	p.linear(r, p.gate, p.normed, b.w1)
	p.linear(r, p.up, p.normed, b.w3)
	ops.SwiGLU(r, p.gated, p.gate, p.up)
	p.linear(r, p.delta, p.gated, b.w2)
}

// linear records y = x · Wᵀ by kernels that give a row the same, whichever rows
// are beside it.
func (p *pass) linear(r *gpu.Recorder, y, x gpu.Tensor, w *gpu.Matrix) {
	if p.each {
		ops.LinearEach(r, y, x, w)
	} else {
		ops.LinearMany(r, y, x, w)
	}
}
