package model

import (
	"cmp"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
)

// adapt records the way of an image's rows from the encoder to the decoder,
// w_out·gelu(w_in·x + bias) + bias, and submits r. x: [patches, hidden];
// result: [patches, dim], which is the caller's to free.
func (p *Pixtral) adapt(r *gpu.Recorder, x gpu.Tensor, index int) (gpu.Tensor, error) {
	defer r.Enter("adapter.%d", index)()
	w, n, dim := &p.w.visionLanguageAdapter, x.Shape[0], p.Config.Dim
	a := &arena{dev: p.dev}
	defer a.free()
	inner, activated := a.new("inner", n, dim), a.new("activated", n, dim)
	if a.err != nil {
		return gpu.Tensor{}, a.err
	}
	rows, err := p.dev.New("", gpu.F32, n, dim)
	if err != nil {
		return gpu.Tensor{}, err
	}
	linear(r, inner, x, w.wIn, w.biasIn)
	ops.GELU(r, activated, inner)
	linear(r, rows, activated, w.wOut, w.biasOut)
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
