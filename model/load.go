package model

import (
	"context"
	"fmt"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/model/safetensors"
)

// LoadOptions says how to load; the zero value is right.
type LoadOptions struct {
	Progress func(done, total uint64) // bytes; nil means nobody looks
}

// Load puts a checkpoint onto a device. Matrices keep their type; norms and
// biases become f32.
func Load(ctx context.Context, d *gpu.Device, c *Checkpoint, o LoadOptions) (*Pixtral, error) {
	p := &Pixtral{Name: c.Name, Config: c.Config, Tokenizer: c.Tokenizer, dev: d}
	l := loader{ctx: ctx, dev: d, file: c.Weights, w: &p.w, total: c.Bytes(), progress: o.Progress}
	p.w.tokEmbeddings = l.matrix("tok_embeddings.weight")
	p.w.layers = l.blocks("layers.", c.Config.Layers)
	p.w.norm = l.vector("norm.weight")
	p.w.output = l.matrix("output.weight")
	if v := c.Config.VisionEncoder; v != nil {
		e, a := &p.w.visionEncoder, &p.w.visionLanguageAdapter
		e.patchConv = l.matrix("vision_encoder.patch_conv.weight")
		e.lnPre = l.vector("vision_encoder.ln_pre.weight")
		e.layers = l.blocks("vision_encoder.transformer.layers.", v.Layers)
		a.wIn, a.wOut = l.matrix("vision_language_adapter.w_in.weight"), l.matrix("vision_language_adapter.w_out.weight")
		if v.AdapterBias {
			a.biasIn, a.biasOut = l.vector("vision_language_adapter.w_in.bias"), l.vector("vision_language_adapter.w_out.bias")
		}
	}
	if l.err != nil {
		p.Close()
		return nil, fmt.Errorf("model: load %s: %w", c.Name, l.err)
	}
	return p, nil
}

// A loader uploads tensors by name and remembers the first error.
type loader struct {
	ctx         context.Context
	dev         *gpu.Device
	file        *safetensors.File
	w           *weights
	done, total uint64
	progress    func(done, total uint64)
	err         error
}

func (l *loader) blocks(prefix string, n int) []block {
	list := make([]block, n)
	for i := range list {
		at := fmt.Sprint(prefix, i, ".")
		list[i] = block{
			attentionNorm: l.vector(at + "attention_norm.weight"),
			wq:            l.matrix(at + "attention.wq.weight"),
			wk:            l.matrix(at + "attention.wk.weight"),
			wv:            l.matrix(at + "attention.wv.weight"),
			wo:            l.matrix(at + "attention.wo.weight"),
			ffnNorm:       l.vector(at + "ffn_norm.weight"),
			w1:            l.matrix(at + "feed_forward.w1.weight"),
			w3:            l.matrix(at + "feed_forward.w3.weight"),
			w2:            l.matrix(at + "feed_forward.w2.weight"),
		}
	}
	return list
}

// take returns the named tensor, unless the load has failed or was cancelled.
func (l *loader) take(name string) (safetensors.Tensor, bool) {
	if l.err == nil {
		l.err = l.ctx.Err()
	}
	if l.err != nil {
		return safetensors.Tensor{}, false
	}
	t, ok := l.file.Tensor(name)
	if !ok {
		l.err = fmt.Errorf("%s is missing", name)
	}
	return t, ok
}

func (l *loader) add(name string, bytes int, err error) {
	if err != nil {
		l.err = fmt.Errorf("%s: %w", name, err)
		return
	}
	l.done += uint64(bytes)
	if l.progress != nil {
		l.progress(l.done, l.total)
	}
}

// vector uploads a norm or a bias.
func (l *loader) vector(name string) gpu.Tensor {
	t, ok := l.take(name)
	if !ok {
		return gpu.Tensor{}
	}
	data, err := t.Float32s()
	if err != nil {
		l.err = err
		return gpu.Tensor{}
	}
	v, err := l.dev.UploadFloats(name, data, len(data))
	l.w.tensors = append(l.w.tensors, v)
	l.add(name, len(t.Data), err)
	return v
}

// matrix uploads a matrix in its own type; the outermost dimension is its rows.
func (l *loader) matrix(name string) *gpu.Matrix {
	t, ok := l.take(name)
	if !ok {
		return nil
	}
	format, err := quant.Lookup(formatOf[t.DType])
	if err != nil {
		l.err = err
		return nil
	}
	rows := t.Shape[0]
	cols := len(t.Data) / t.DType.Size() / rows
	sizes := format.RowBytes(cols)
	m, err := l.dev.UploadMatrix(name, format.Name, rows, cols, sizes, func(from, to int) ([][]byte, error) {
		return [][]byte{t.Data[from*sizes[0] : to*sizes[0]]}, l.ctx.Err()
	})
	l.w.matrices = append(l.w.matrices, m)
	l.add(name, len(t.Data), err)
	return m
}
