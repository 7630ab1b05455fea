package model

import (
	"fmt"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
)

// random makes a matrix of random weights in the place of a checkpoint's.
func (l *loader) random(t Placement) *gpu.Matrix {
	m, err := ops.NoiseMatrix(l.ctx, l.dev, t.Name, t.Device, t.Shape[0], t.Cols(), uint32(len(l.w.matrices)))
	if err != nil {
		l.err = fmt.Errorf("%s: %w", t.Name, err)
		return nil
	}
	l.w.matrices = append(l.w.matrices, m)
	l.report(int(t.Bytes()))
	return m
}
