package model

import (
	"cmp"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
)

// An adapterPass is the activations of the adapter for one image.
type adapterPass struct {
	inner, activated gpu.Tensor // [patches, dim]
}

func newAdapterPass(a *arena, c *Config, patches int) adapterPass {
	return adapterPass{a.new("inner", patches, c.Dim), a.new("activated", patches, c.Dim)}
}

// adapt records the way of an image's rows from the encoder to the decoder,
// w_out·gelu(w_in·x + bias) + bias, and submits r. x: [patches, hidden];
// result: [patches, dim], which is the caller's to free.
func (p *Pixtral) adapt(r *gpu.Recorder, t adapterPass, x gpu.Tensor, index int) (gpu.Tensor, error) {
	defer r.EnterAt("adapter", index)()
	w := &p.w.visionLanguageAdapter
	rows, err := p.dev.New("", gpu.F32, x.Shape[0], p.Config.Dim)
	if err != nil {
		return gpu.Tensor{}, err
	}
	linear(r, t.inner, x, w.wIn, w.biasIn)
	ops.GELU(r, t.activated, t.inner)
	linear(r, rows, t.activated, w.wOut, w.biasOut)
	if err := r.Submit(); err != nil {
		p.dev.Free(rows)
		return gpu.Tensor{}, err
	}
	return rows, nil
}

// linear records y = x · Wᵀ + bias; bias may be none.
func linear(r *gpu.Recorder, y, x gpu.Tensor, w *gpu.Matrix, bias gpu.Tensor) {
	if !bias.Exists() {
		ops.Linear(r, y, x, w)
		return
	}
	ops.Linear(r, y.As(cmp.Or(y.Name, "rows")+"_unbiased"), x, w)
	ops.AddBias(r, y, bias)
}
