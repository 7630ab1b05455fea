package model

import (
	"context"
	"fmt"
	"strings"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/model/pixels"
)

// A Rollout says how much of each position comes from where, through all layers
// up to one: attention rollout (Abnar and Zuidema, arXiv:2005.00928), the mean of
// the heads taken for the attention of a layer and half of each position going
// past it.
type Rollout struct {
	From, Keys int         // the first row, and how long rows are
	Layers     [][]float32 // a layer each: [rows, Keys]; each row sums to 1
}

// Row returns what a position is made of after a layer.
func (o *Rollout) Row(layer, position int) []float32 {
	at := (position - o.From) * o.Keys
	return o.Layers[layer][at : at+o.Keys]
}

// Rollout runs a prompt in a session of its own, as one chunk, and returns the
// rollout of the positions from one on. It takes three tables of tokens times
// tokens on the device.
func (p *Pixtral) Rollout(ctx context.Context, prompt Prompt, from int) (*Rollout, error) {
	n := len(prompt.Tokens)
	if from < 0 || from >= n {
		return nil, fmt.Errorf("model: rollout from position %d of %d", from, n)
	}
	s, err := p.NewSession(SessionOptions{Context: n + 1, Chunk: n})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	u := &unroller{
		out: &Rollout{From: from, Keys: n}, headDim: p.Config.HeadDim, mask: ops.Mask{Causal: true},
		keys: func(layer int, _ gpu.Tensor) gpu.Tensor { return s.decoder.caches[0].keys[layer] },
	}
	defer u.arena.free()
	if err := u.begin(p.dev, n); err != nil {
		return nil, err
	}
	s.Tap = u.tap
	return u.out, s.Sync(ctx, prompt)
}

// RolloutImage is Rollout of the patches of an image through the encoder.
func (p *Pixtral) RolloutImage(ctx context.Context, img *pixels.Patches) (*Rollout, error) {
	v := p.Config.VisionEncoder
	if v == nil {
		return nil, fmt.Errorf("model: the model reads text only")
	}
	n := img.Grid.Patches()
	u := &unroller{
		out: &Rollout{Keys: n}, headDim: v.HeadDim(), scope: "vision.0.",
		keys: func(_ int, rotated gpu.Tensor) gpu.Tensor { return rotated },
	}
	defer u.arena.free()
	if err := u.begin(p.dev, n); err != nil {
		return nil, err
	}
	rows, err := p.encode(ctx, img, u.tap)
	p.dev.Free(rows)
	return u.out, err
}

// An unroller multiplies the attention of layer after layer as a pass goes by.
type unroller struct {
	out     *Rollout
	headDim int
	scope   string
	mask    ops.Mask
	keys    func(layer int, rotated gpu.Tensor) gpu.Tensor

	arena     arena
	q, k      gpu.Tensor
	weights   gpu.Tensor // [n, 1, n]
	now, next gpu.Tensor // [n, n rounded up to whole vectors]
	wanted    gpu.Tensor // [rows, the same]
}

func (u *unroller) begin(dev *gpu.Device, n int) error {
	u.arena.dev = dev
	width := (n + 3) &^ 3
	u.weights = u.arena.new("attention", n, 1, n)
	u.now = u.arena.filled("rollout", func() []float32 {
		one := make([]float32, n*width)
		for i := range n {
			one[i*width+i] = 1
		}
		return one
	}, n, width)
	u.next, u.wanted = u.arena.new("rollout", n, width), u.arena.new("rollout", n-u.out.From, width)
	if u.arena.err != nil {
		return fmt.Errorf("model: the rollout of %d positions does not fit: %w", n, u.arena.err)
	}
	return nil
}

func (u *unroller) tap(r *gpu.Recorder, name string, t gpu.Tensor) {
	name, ok := strings.CutPrefix(name, u.scope)
	layer, value, isLayer := layerValue(name)
	if !ok || !isLayer {
		return
	}
	switch value {
	case "attention.q_rotated":
		u.q = t
	case "attention.k_rotated":
		u.k = t
	case "attention.attended":
		u.layer(r, layer)
	}
}

func (u *unroller) layer(r *gpu.Recorder, layer int) {
	n := u.out.Keys
	ops.AttentionRows(r, u.weights, u.q, u.keys(layer, u.k), n, u.headDim, u.mask, ops.MeanHead)
	ops.Rollout(r, u.next, u.weights, u.now, u.mask.Causal)
	u.now, u.next = u.next, u.now
	r.CopyRows(u.wanted, 0, u.now, u.out.From, n-u.out.From)
	width := u.wanted.Shape[1]
	r.Copy(u.wanted, func(data []float32) error {
		var rows []float32
		for at := 0; at < len(data); at += width {
			rows = append(rows, data[at:at+n]...)
		}
		u.out.Layers = append(u.out.Layers, rows)
		return nil
	})
}
