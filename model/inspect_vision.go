package model

import (
	"context"
	"fmt"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model/pixels"
)

// VisitPatch runs an image through the encoder and looks at one of its patches,
// counted row by row.
func (p *Pixtral) VisitPatch(ctx context.Context, img *pixels.Patches, patch int, look Look) (*Visit, error) {
	v := p.Config.VisionEncoder
	if v == nil {
		return nil, fmt.Errorf("model: the model reads text only")
	}
	n := img.Grid.Patches()
	if patch < 0 || patch >= n {
		return nil, fmt.Errorf("model: patch %d; the image has %d", patch, n)
	}
	w := &watch{
		dev: p.dev, look: look, layers: v.Layers, heads: v.Heads, headDim: v.HeadDim(), row: patch,
		visit: &Visit{Position: patch, Keys: n}, scope: "vision.0.", input: "ln_pre",
		keys: func(_ int, rotated gpu.Tensor) gpu.Tensor { return rotated },
	}
	if err := w.complete(v.HiddenSize, v.HiddenSize); err != nil {
		return nil, err
	}
	defer w.free()
	rows, err := p.encode(ctx, img, w.tap)
	p.dev.Free(rows)
	return w.visit, err
}
