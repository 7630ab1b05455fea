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
	qkv              gpu.Tensor // [n, (heads + 2*kvHeads)*headDim]: q, k and v before they part
	q, attended      gpu.Tensor // [n, heads*headDim]; q, which attention reads over and over, in texels
	pairs            gpu.Tensor // [n, 2*hidden]: gate and up in turn
	gated            gpu.Tensor // [n, hidden]
	apart            *apart

	parts   gpu.Tensor // of attention over long contexts; none in images
	table   gpu.Tensor // [positions, headDim/2, 2], by position or by row and column
	seats   ops.Seats  // where the rows belong
	runs    []run      // the rows by what they attend to
	each    bool       // the rows are of many sequences, and none may tell on another
	headDim int
	eps     float32
}

// A run is a stretch of rows whose keys and values lie in one cache.
type run struct {
	ops.Stretch
	cache *cache
}

// An apart is what is made only where someone watches, or where w1 and w3 could
// not be joined, on first use.
type apart struct {
	arena    *arena
	q        gpu.Tensor // [n, heads*headDim]
	k, v     gpu.Tensor // [n, kvHeads*headDim]
	gate, up gpu.Tensor // [n, hidden]
}

// newPass makes the activations of a tower for n rows. The wide products, q, k and
// v together and gate and up together, are never there at once: they share memory.
func newPass(a *arena, n, dim, width, kvWidth, hidden int) *pass {
	heads, pairs := width+2*kvWidth, 2*hidden
	wide := a.new("wide", n, max(heads, pairs))
	return &pass{
		x: a.new("x", n, dim), normed: a.new("normed", n, dim), delta: a.new("delta", n, dim),
		qkv: part(wide, "qkv", heads), q: a.texels("q", gpu.F32, n, width), attended: a.new("attended", n, width),
		pairs: part(wide, "pairs", pairs), gated: a.new("gated", n, hidden), apart: &apart{arena: a},
	}
}

// part returns as many rows of fewer values in the memory of t.
func part(t gpu.Tensor, name string, cols int) gpu.Tensor {
	t.Name, t.Shape = name, []int{t.Shape[0], cols}
	return t
}

// rows returns p for its first n rows.
func (p *pass) rows(n int) *pass {
	s := *p
	for _, t := range []*gpu.Tensor{&s.x, &s.normed, &s.delta, &s.qkv, &s.q, &s.attended, &s.pairs, &s.gated, &s.seats.Rows} {
		*t = t.Rows(n)
	}
	return &s
}

// run records the layers one after the other, without those before first.
func (p *pass) run(ctx context.Context, r *gpu.Recorder, layers []block, first int) {
	for i := first; i < len(layers); i++ {
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
//
// Nobody watching, what follows a product is done by its own kernel. With a tap
// it is a kernel of its own, so that every value is there to be seen.
func (p *pass) block(r *gpu.Recorder, layer int, b *block) {
	defer r.EnterAt("layers", layer)()
	p.attention(r, layer, b)
	p.add(r, "attention", "h", p.attended, b.wo)
	p.feedForward(r, b)
	p.add(r, "feed_forward", "", p.gated, b.w2)
}

func (p *pass) attention(r *gpu.Recorder, layer int, b *block) {
	defer r.Enter("attention")()
	p.heads(r, layer, b, p.input(r, b.attentionNorm))
	for i := range p.runs {
		keys, values := p.kept(i, layer)
		ops.Attention(r, p.attended, p.q, keys, values, p.parts, p.seats, p.runs[i].Stretch, p.headDim)
	}
}

// input records x / rms(x) * gain for the products that come. Of rows that are
// taken each by itself they do it themselves, unless somebody watches.
func (p *pass) input(r *gpu.Recorder, gain gpu.Tensor) ops.Input {
	if p.each && r.Tap == nil {
		return ops.Input{X: p.x, Gain: gain, Normed: p.normed, Eps: p.eps}
	}
	ops.RMSNorm(r, p.normed, p.x, gain, p.eps)
	return ops.Input{X: p.normed}
}

// heads records the queries, and the keys and values into where they are kept.
func (p *pass) heads(r *gpu.Recorder, layer int, b *block, in ops.Input) {
	switch {
	case r.Tap != nil:
		p.headsApart(r, layer, b)
	case p.together():
		h := p.spots(0, layer)
		ops.LinearQKV(r, &h, in, b.wqkv, p.qkv, p.each)
	default:
		ops.LinearInput(r, p.qkv, in, b.wqkv, p.each)
		for i, run := range p.runs {
			h := p.spots(i, layer)
			ops.Spread(r, &h, p.qkv, run.From, run.To)
		}
	}
}

// together reports whether the rows' keys and values all go to the same place.
func (p *pass) together() bool {
	for _, run := range p.runs {
		if run.cache != p.runs[0].cache {
			return false
		}
	}
	return true
}

// spots returns where queries, keys and values of a run go.
func (p *pass) spots(run, layer int) ops.Heads {
	keys, values := p.kept(run, layer)
	return ops.Heads{Q: p.q, Keys: keys, Values: values, Table: p.table, Seats: p.seats, HeadDim: p.headDim}
}

// headsApart does the same by a kernel for each value.
func (p *pass) headsApart(r *gpu.Recorder, layer int, b *block) {
	p.unseen(r, p.qkv, b.wqkv)
	q, k, v := p.queriesKeysValues(r)
	ops.Columns(r, q, p.qkv, 0, 1)
	ops.Columns(r, k, p.qkv, q.Shape[1], 1)
	ops.Columns(r, v, p.qkv, q.Shape[1]+k.Shape[1], 1)
	ops.Rotate(r, q.As("q_rotated"), p.table, p.seats, p.headDim)
	ops.Rotate(r, k.As("k_rotated"), p.table, p.seats, p.headDim)
	r.CopyRows(p.q, 0, q, 0, q.Shape[0])
	for i, run := range p.runs {
		keys, values := p.kept(i, layer)
		ops.Append(r, keys, k, p.seats, run.From, run.To)
		ops.Append(r, values, v, p.seats, run.From, run.To)
	}
}

// queriesKeysValues returns tensors for q, k and v where they are apart.
func (p *pass) queriesKeysValues(r *gpu.Recorder) (q, k, v gpu.Tensor) {
	n, width, s := p.q.Shape[0], p.q.Shape[1], p.apart
	kvWidth := (p.qkv.Shape[1] - width) / 2
	if !s.v.Exists() || s.v.Shape[0] < n {
		s.q, s.k, s.v = s.arena.new("q", n, width), s.arena.new("k", n, kvWidth), s.arena.new("v", n, kvWidth)
		r.Fail(s.arena.err)
	}
	return s.q.Rows(n), s.k.Rows(n), s.v.Rows(n)
}

// kept returns where the keys and values of a run are.
func (p *pass) kept(run, layer int) (keys, values gpu.Tensor) {
	c := p.runs[run].cache
	return c.keys[layer], c.values[layer]
}

func (p *pass) feedForward(r *gpu.Recorder, b *block) {
	defer r.Enter("feed_forward")()
	in := p.input(r, b.ffnNorm)
	if r.Tap == nil && b.w13 != nil {
		ops.LinearSwiGLU(r, p.gated, in, b.w13, p.pairs, p.each)
		return
	}
	gate, up := p.gateUp(r)
	if b.w13 != nil {
		p.unseen(r, p.pairs, b.w13)
		ops.Columns(r, gate, p.pairs, 0, 2)
		ops.Columns(r, up, p.pairs, 1, 2)
	} else {
		ops.LinearInput(r, gate, in, b.w1, p.each)
		ops.LinearInput(r, up, in, b.w3, p.each)
	}
	ops.SwiGLU(r, p.gated, gate, up)
}

// gateUp returns tensors for gate and up where they are apart.
func (p *pass) gateUp(r *gpu.Recorder) (gate, up gpu.Tensor) {
	n, hidden, s := p.gated.Shape[0], p.gated.Shape[1], p.apart
	if !s.up.Exists() || s.up.Shape[0] < n {
		s.gate, s.up = s.arena.new("gate", n, hidden), s.arena.new("up", n, hidden)
		r.Fail(s.arena.err)
	}
	return s.gate.Rows(n), s.up.Rows(n)
}

// add records x += in · Wᵀ. Who watches sees the product as delta in a scope, and
// the sum under a name.
func (p *pass) add(r *gpu.Recorder, scope, name string, in gpu.Tensor, w *gpu.Matrix) {
	if r.Tap == nil {
		ops.LinearAdd(r, p.x, in, w, p.delta, p.each)
		return
	}
	leave := r.Enter(scope)
	ops.LinearInput(r, p.delta, ops.Input{X: in}, w, p.each)
	leave()
	ops.Add(r, p.x.As(name), p.delta)
}

// unseen records y = normed · Wᵀ that no tap sees: its parts are the values.
func (p *pass) unseen(r *gpu.Recorder, y gpu.Tensor, w *gpu.Matrix) {
	tap := r.Tap
	r.Tap = nil
	ops.LinearInput(r, y, ops.Input{X: p.normed}, w, p.each)
	r.Tap = tap
}
