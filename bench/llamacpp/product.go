//go:build llamacpp

package main

import (
	"time"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
)

// A product is our side: matrices on the device.
type product struct {
	d        *gpu.Device
	x, y     gpu.Tensor
	matrices []*gpu.Matrix
}

func (k kernel) ours(d *gpu.Device, weights []byte, x []float32) (p *product, err error) {
	p = &product{d: d}
	if p.x, err = d.UploadFloats("x", x, k.n, k.cols); err != nil {
		return nil, err
	}
	if p.y, err = d.New("y", gpu.F32, k.n, k.rows); err != nil {
		return nil, err
	}
	size := len(weights) / k.copies
	sizes := k.format.RowBytes(k.cols)
	for i := range k.copies {
		data := weights[i*size : (i+1)*size]
		m, err := d.UploadMatrix("w", k.format.Name, k.rows, k.cols, sizes, func(from, to int) ([][]byte, error) {
			rows := data[from*size/k.rows : to*size/k.rows]
			if k.format.Codec == nil {
				return [][]byte{rows}, nil
			}
			return k.format.Repack(rows), nil
		})
		if err != nil {
			return nil, err
		}
		p.matrices = append(p.matrices, m)
	}
	return p, nil
}

func (p *product) free() {
	p.d.Free(p.x, p.y)
	for _, m := range p.matrices {
		p.d.FreeMatrix(m)
	}
}

// run makes the product with each matrix and waits for the last.
func (p *product) run() (time.Duration, error) {
	start := time.Now()
	r := p.d.Record()
	for _, m := range p.matrices {
		ops.Linear(r, p.y, p.x, m)
	}
	if err := r.Submit(); err != nil {
		return 0, err
	}
	_, err := p.d.Floats(p.y.Rows(1)) // waits
	return time.Since(start), err
}
