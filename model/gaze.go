package model

import (
	"context"
	"fmt"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
)

// A Gaze keeps on the device what the latest position of a session attends to,
// for whoever shows it from there. It takes layers * heads * context floats.
type Gaze struct {
	Attention []gpu.Tensor // a layer each: [heads, context], of which the first Keys columns count
	Keys      int          // positions that the rows reach
	Residual  []RowStat    // of the residual stream: before the first layer, then after each

	s            *Session
	arena        arena
	rows         []gpu.Tensor // Attention as the kernel has it: [1, heads, context]
	query, state gpu.Tensor
	stats        gpu.Tensor
	q            gpu.Tensor // of the layer that passes
}

// NewGaze makes a gaze; its Tap is to be the session's.
func (s *Session) NewGaze() (*Gaze, error) {
	c := s.p.Config
	g := &Gaze{s: s, arena: arena{dev: s.p.dev}, Residual: make([]RowStat, c.Layers+1)}
	for i := range c.Layers {
		t := g.arena.new(fmt.Sprintf("gaze.%d", i), 1, c.Heads, s.options.Context)
		g.rows = append(g.rows, t)
		t.Shape = []int{c.Heads, s.options.Context}
		g.Attention = append(g.Attention, t)
	}
	g.query, g.state = g.arena.new("gaze.query", 1, c.Heads*c.HeadDim), g.arena.new("gaze.state", 1, c.Dim)
	g.stats = g.arena.new("gaze.stats", 1, 4)
	if g.arena.err != nil {
		g.Close()
		return nil, fmt.Errorf("model: to keep the attention of every layer: %w; use a smaller --ctx", g.arena.err)
	}
	return g, nil
}

// Close gives the gaze's memory back.
func (g *Gaze) Close() { g.arena.free() }

// At evaluates a position that the session holds once more, so that the gaze is
// that position's. A clock, if it is not nil, measures the pass.
func (g *Gaze) At(ctx context.Context, position int, clock *gpu.Clock) error {
	if position < 0 || position >= len(g.s.held) {
		return fmt.Errorf("model: position %d; the session holds %d", position, len(g.s.held))
	}
	return g.s.again(ctx, position, g.Tap, clock)
}

// Tap looks at the last row of each pass.
func (g *Gaze) Tap(r *gpu.Recorder, name string, t gpu.Tensor) {
	if name == "embeddings" {
		g.Keys = len(g.s.held) + t.Shape[0]
		g.residual(r, t, 0)
		return
	}
	layer, value, ok := layerValue(name)
	switch {
	case !ok:
	case value == "attention.q_rotated":
		g.q = t
	case value == "attention.attended":
		query := g.q
		if n := query.Shape[0]; n > 1 {
			r.CopyRows(g.query, 0, query, n-1, 1)
			query = g.query
		}
		keys := g.s.decoder.caches[0].keys[layer]
		ops.AttentionRows(r, g.rows[layer], query, keys, g.Keys, g.s.p.Config.HeadDim, ops.Mask{Causal: true, Base: g.Keys - 1}, ops.EachHead)
	case value == "":
		g.residual(r, t, layer+1)
	}
}

func (g *Gaze) residual(r *gpu.Recorder, x gpu.Tensor, at int) {
	r.CopyRows(g.state, 0, x, x.Shape[0]-1, 1)
	ops.RowStats(r, g.stats, g.state)
	r.Copy(g.stats, func(v []float32) error {
		g.Residual[at] = RowStat{Norm: v[0], Max: v[1], Channel: int(v[2]), Odd: int(v[3])}
		return nil
	})
}
