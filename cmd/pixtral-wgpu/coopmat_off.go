//go:build !coopmat

package main

import (
	"io"

	"pixtral-wgpu/gpu"
)

func (f *deviceFlags) withMatrices(d *gpu.Device, _ io.Writer) (*gpu.Device, error) { return d, nil }
