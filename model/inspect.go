package model

import (
	"context"
	"fmt"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/tokenizer"
)

// A Look says what of a position is wanted. The zero value wants the attention
// of every head of every layer, and the residual stream.
type Look struct {
	Heads       ops.Fold // each head by itself, their mean or their maximum
	Layers      []int    // whose attention; nil means all
	NoAttention bool
	NoResidual  bool
}

// A Visit is what a position looks like inside: of a token in the decoder, or
// of a patch in the image encoder.
type Visit struct {
	Position int   // of the token in the session, or of the patch in its image
	Layers   []int // whose attention was wanted
	Heads    int   // rows of attention a layer; 1 if the heads are folded
	Keys     int   // positions that the row reaches: Position+1, or all patches

	Attention []float32 // [len(Layers), Heads, Keys]; each row sums to 1, but for a maximum of heads
	Residual  []float32 // [layers+1, dim]: the residual stream before the first layer and after each
}

// Row returns the attention of one head (0 if they are folded) of the i-th of
// v.Layers.
func (v *Visit) Row(i, head int) []float32 {
	at := (i*v.Heads + head) * v.Keys
	return v.Attention[at : at+v.Keys]
}

// Visit evaluates a position that the session holds once more and looks inside.
// The attention is fused as always: its rows are computed beside it, from the
// query and the cache, by a kernel that runs for nobody else.
func (s *Session) Visit(ctx context.Context, position int, look Look) (*Visit, error) {
	if position < 0 || position >= len(s.held) {
		return nil, fmt.Errorf("model: position %d; the session holds %d", position, len(s.held))
	}
	w, err := s.watchPosition(position, look)
	if err != nil {
		return nil, err
	}
	defer w.free()
	return w.visit, s.again(ctx, position, w.tap, nil)
}

// StepAndLook is Step that looks at the position it appends.
func (s *Session) StepAndLook(ctx context.Context, tok tokenizer.Token, look Look) (*Visit, error) {
	w, err := s.watchPosition(len(s.held), look)
	if err != nil {
		return nil, err
	}
	defer w.free()
	tap := s.Tap
	defer func() { s.Tap = tap }()
	s.Tap = both(tap, w.tap)
	return w.visit, s.Step(ctx, tok)
}

// Timeline evaluates the last position once more and returns what the GPU's
// clock saw of each kernel.
func (s *Session) Timeline(ctx context.Context) ([]gpu.Span, error) {
	clock, err := s.p.dev.NewClock()
	if err != nil {
		return nil, err
	}
	defer clock.Free(s.p.dev)
	if len(s.held) == 0 {
		return nil, fmt.Errorf("model: the session is empty")
	}
	err = s.again(ctx, len(s.held)-1, nil, clock)
	return clock.Spans, err
}

// again evaluates a position that the session holds. Its keys and values are
// written over themselves.
func (s *Session) again(ctx context.Context, position int, tap gpu.Tap, clock *gpu.Clock) error {
	held, oldTap, oldClock := s.held, s.Tap, s.Clock
	defer func() { s.held, s.Tap, s.Clock = held, oldTap, oldClock }()
	s.held, s.Tap, s.Clock = held[:position:position], tap, clock
	err := s.forward(ctx, held[position:position+1], 1, position >= s.read)
	s.elsewhere = position+1 < len(held) // then the logits are not the last position's
	return err
}

// home brings the logits back to the last position after visits elsewhere.
func (s *Session) home() error {
	if !s.elsewhere {
		return nil
	}
	return s.again(context.Background(), len(s.held)-1, nil, s.Clock)
}

// watchPosition makes the watch of a pass of one row at a position.
func (s *Session) watchPosition(position int, look Look) (*watch, error) {
	c := s.p.Config
	w := &watch{
		dev: s.p.dev, look: look, layers: c.Layers, heads: c.Heads, headDim: c.HeadDim,
		visit: &Visit{Position: position, Keys: position + 1},
		mask:  ops.Mask{Causal: true, Base: position}, input: "embeddings",
		keys: func(layer int, _ gpu.Tensor) gpu.Tensor { return s.decoder.caches[0].keys[layer] },
	}
	return w, w.complete(c.Heads*c.HeadDim, c.Dim)
}

// both returns a tap that is two.
func both(a, b gpu.Tap) gpu.Tap {
	if a == nil {
		return b
	}
	return func(r *gpu.Recorder, name string, t gpu.Tensor) {
		a(r, name, t)
		b(r, name, t)
	}
}
