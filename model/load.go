package model

import (
	"context"
	"fmt"

	"pixtral-wgpu/gpu"
)

// LoadOptions says how to load; the zero value is right.
type LoadOptions struct {
	Quant    string                   // weight format, by the rule of Placements; "" keeps the file's
	Streamed int                      // so many of the decoder's last layers stay in host memory and are written to the device for each pass
	Noise    bool                     // matrices are random bits made on the device, whatever the checkpoint has; norms and biases are its own
	Progress func(done, total uint64) // bytes of the files; nil means nobody looks
}

// Load puts a checkpoint onto a device, its matrices in the formats that
// Checkpoint.Placements tells, norms and biases in f32. It holds a few stretches
// of rows at a time, stops soon after ctx ends, and leaves nothing on the device
// after an error.
func Load(ctx context.Context, d *gpu.Device, c *Checkpoint, o LoadOptions) (*Pixtral, error) {
	placements, err := c.Placements(o.Quant)
	if err != nil {
		return nil, err
	}
	if o.Streamed < 0 || o.Streamed > c.Config.Layers {
		return nil, fmt.Errorf("model: %d layers to be streamed of the %d there are", o.Streamed, c.Config.Layers)
	}
	p := &Pixtral{Name: c.Name, Config: c.Config, Tokenizer: c.Tokenizer, dev: d}
	if o.Streamed > 0 {
		p.streamed = c
		c.streams++
	}
	l := loader{dev: d, w: &p.w, packer: packer{ctx: ctx}, tensors: map[string]Placement{}, noise: o.Noise, progress: o.Progress}
	for _, t := range placements {
		l.tensors[t.Name] = t
		l.total += t.Bytes()
	}
	l.report(0)
	p.w.tokEmbeddings = l.matrix("tok_embeddings.weight")
	p.w.layers = l.blocks("layers.", c.Config.Layers, o.Streamed)
	p.w.norm = l.vector("norm.weight")
	p.w.output = p.w.tokEmbeddings
	if !c.Config.TiedEmbeddings {
		p.w.output = l.matrix("output.weight")
	}
	if v := c.Config.VisionEncoder; v != nil {
		e, a := &p.w.visionEncoder, &p.w.visionLanguageAdapter
		e.patchConv = l.matrix("vision_encoder.patch_conv.weight")
		e.lnPre = l.vector("vision_encoder.ln_pre.weight")
		e.layers = l.blocks("vision_encoder.transformer.layers.", v.Layers, 0)
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
	packer
	dev         *gpu.Device
	tensors     map[string]Placement
	w           *weights
	noise       bool
	done, total uint64
	progress    func(done, total uint64)
	err         error
}

// blocks loads n layers, the last streamed of them into host memory.
func (l *loader) blocks(prefix string, n, streamed int) []block {
	list := make([]block, n)
	slots := map[string]*gpu.Matrix{}
	for i := range list {
		at, b := fmt.Sprint(prefix, i, "."), &list[i]
		b.attentionNorm = l.vector(at + "attention_norm.weight")
		b.ffnNorm = l.vector(at + "ffn_norm.weight")
		if i >= n-streamed {
			b.host = &hostBlock{slots: slots}
		}
		for _, j := range joins(at, l.tensors) {
			if b.host != nil {
				l.hold(b.host, j)
			} else {
				b.put(j.role, l.upload(j.place))
			}
		}
	}
	return list
}

// going reports whether the load has neither failed nor been cancelled.
func (l *loader) going() bool {
	if l.err == nil {
		l.err = l.ctx.Err()
	}
	return l.err == nil
}

// take returns the named tensor, unless the load has failed or was cancelled.
func (l *loader) take(name string) (Placement, bool) {
	if !l.going() {
		return Placement{}, false
	}
	t, ok := l.tensors[name]
	if !ok {
		l.err = fmt.Errorf("%s is missing", name)
	}
	return t, ok
}

// report adds bytes of the files to what is done.
func (l *loader) report(bytes int) {
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
	data, err := t.Floats(0, t.Shape[0])
	if err != nil {
		l.err = fmt.Errorf("%s: %w", name, err)
		return gpu.Tensor{}
	}
	v, err := l.dev.UploadFloats(name, data, len(data))
	l.w.tensors = append(l.w.tensors, v)
	if err != nil {
		l.err = fmt.Errorf("%s: %w", name, err)
		return v
	}
	l.report(int(t.Bytes()))
	return v
}

// matrix uploads a matrix; the outermost dimension is its rows.
func (l *loader) matrix(name string) *gpu.Matrix {
	t, ok := l.take(name)
	if !ok {
		return nil
	}
	return l.upload(t)
}

func (l *loader) upload(t Placement) *gpu.Matrix {
	if !l.going() {
		return nil
	}
	if l.noise {
		return l.random(t)
	}
	behind := 0 // bytes that were handed out and are not reported yet
	m, err := l.dev.UploadMatrix(t.Name, t.Device.Name, t.Shape[0], t.Cols(), t.Device.RowBytes(t.Cols()), func(from, to int) ([][]byte, error) {
		if behind > 0 {
			l.report(behind)
		}
		behind = (to - from) * t.RowBytes()
		return l.pack(t.Tensor, t.Device, from, to)
	})
	l.w.matrices = append(l.w.matrices, m)
	if err != nil {
		l.err = fmt.Errorf("%s: %w", t.Name, err)
		return m
	}
	l.report(behind)
	return m
}
