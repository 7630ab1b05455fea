package model

import (
	"context"
	"fmt"
	"math"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/quant"
)

// NoiseMatrix makes a matrix of random weights of variance about 1/cols, on the
// device by the device: the host writes nothing.
func NoiseMatrix(ctx context.Context, d *gpu.Device, name string, f quant.Format, rows, cols int, seed uint32) (*gpu.Matrix, error) {
	m, err := d.NewMatrix(name, f.Name, rows, cols, f.RowBytes(cols))
	if err != nil {
		return nil, err
	}
	r := d.Record()
	r.Context = ctx
	patterns := f.Noise(1 / math.Sqrt(float64(cols)))
	for i, s := range m.Shards {
		for j, part := range s.Parts {
			p := patterns[j]
			ops.Noise(r, part, seed<<16|uint32(i)<<4|uint32(j), p.Every, p.Mask, p.Base)
		}
	}
	if err := r.Submit(); err != nil {
		d.FreeMatrix(m)
		return nil, err
	}
	return m, nil
}

// random makes a matrix of random weights in the place of a checkpoint's.
func (l *loader) random(t Placement) *gpu.Matrix {
	m, err := NoiseMatrix(l.ctx, l.dev, t.Name, t.Device, t.Shape[0], t.Cols(), uint32(len(l.w.matrices)))
	if err != nil {
		l.err = fmt.Errorf("%s: %w", t.Name, err)
		return nil
	}
	l.w.matrices = append(l.w.matrices, m)
	l.report(int(t.Bytes()))
	return m
}
