package model

import (
	"cmp"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
)

// An adapterPass is the activations of the adapter.
type adapterPass struct {
	inner, activated gpu.Tensor // [rows, dim]
}

func newAdapterPass(a *arena, c *Config, rows int) adapterPass {
	return adapterPass{a.new("inner", rows, c.Dim), a.new("activated", rows, c.Dim)}
}

// adapt records the way of the images' rows from the encoder to the decoder,
// w_out·gelu(w_in·x + bias) + bias, and submits r. x: [rows, hidden]; result: for
// each image [patches, dim], which is the caller's to free.
func (e *Encoding) adapt(r *gpu.Recorder, index int) (list []gpu.Tensor, err error) {
	defer r.EnterAt("adapter", index)()
	p, t := e.encoder.p, &e.adapter
	results := arena{dev: p.dev}
	for _, g := range e.grids {
		list = append(list, results.new("", g.Patches(), p.Config.Dim))
	}
	r.Fail(results.err)
	w, y := &p.w.visionLanguageAdapter, list[0]
	if len(list) > 1 {
		y = e.together
	}
	linear(r, t.inner, e.vision.x, w.wIn, w.biasIn)
	ops.GELU(r, t.activated, t.inner)
	linear(r, y, t.activated, w.wOut, w.biasOut)
	for i := 0; i < len(list) && len(list) > 1; i++ {
		r.CopyRows(list[i], 0, y, e.starts[i], list[i].Shape[0])
	}
	if err := r.Submit(); err != nil {
		results.free()
		return nil, err
	}
	return list, nil
}

// linear records y = x · Wᵀ + bias; bias may be none.
func linear(r *gpu.Recorder, y, x gpu.Tensor, w *gpu.Matrix, bias gpu.Tensor) {
	if !bias.Exists() {
		ops.LinearMany(r, y, x, w)
		return
	}
	ops.LinearMany(r, y.As(cmp.Or(y.Name, "rows")+"_unbiased"), x, w)
	ops.AddBias(r, y, bias)
}
