package model

import (
	"cmp"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/tokenizer"
)

// An adapterPass is the activations of the adapter for one image or several side by
// side.
type adapterPass struct {
	inner, activated gpu.Tensor // [rows, dim]
	together         gpu.Tensor // [rows, dim]: what comes out, before each image gets its own; none for one
}

func newAdapterPass(a *arena, c *Config, grids ...tokenizer.Grid) adapterPass {
	_, rows := sideBySide(grids)
	t := adapterPass{inner: a.new("inner", rows, c.Dim), activated: a.new("activated", rows, c.Dim)}
	if len(grids) > 1 {
		t.together = a.new("rows", rows, c.Dim)
	}
	return t
}

// adapt records the way of the images' rows from the encoder to the decoder,
// w_out·gelu(w_in·x + bias) + bias, and submits r. x: [rows, hidden]; result: for
// each image [patches, dim], which is the caller's to free.
func (e *Encoding) adapt(r *gpu.Recorder, index int) (list []gpu.Tensor, err error) {
	defer r.EnterAt("adapter", index)()
	dev, w := e.p.dev, &e.p.w.visionLanguageAdapter
	for _, g := range e.grids {
		rows, err := dev.New("", gpu.F32, g.Patches(), e.p.Config.Dim)
		if err != nil {
			dev.Free(list...)
			return nil, err
		}
		list = append(list, rows)
	}
	linear(r, e.rows.inner, e.pass.x, w.wIn, w.biasIn)
	ops.GELU(r, e.rows.activated, e.rows.inner)
	if len(list) == 1 {
		linear(r, list[0], e.rows.activated, w.wOut, w.biasOut)
	} else {
		linear(r, e.rows.together, e.rows.activated, w.wOut, w.biasOut)
		for i, rows := range list {
			r.CopyRows(rows, 0, e.rows.together, e.pass.starts[i], rows.Shape[0])
		}
	}
	if err := r.Submit(); err != nil {
		dev.Free(list...)
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
