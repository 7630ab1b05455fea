// Package ops records transformer operations: one function per kernel, each
// with the shapes of its arguments. Results come first, as in copy, then
// inputs, then weights, then numbers. What a function computes is defined by
// its twin of the same name in package ref. Shapes that do not fit are
// remembered by the recorder as a *gpu.ShapeError.
package ops

import (
	"pixtral-wgpu/gpu"
	"pixtral-wgpu/shaders"
)

const (
	lanes      = 64    // invocations of a workgroup in kernels without a size of their own
	mostGroups = 65535 // workgroups in a dimension, WebGPU's default limit
)

// fold lays a row of n workgroups out in two dimensions; lib/grid.wgsl unfolds it.
func fold(n int) [3]int {
	if n <= mostGroups {
		return [3]int{n}
	}
	return [3]int{mostGroups, ceil(n, mostGroups)}
}

func ceil(n, by int) int { return (n + by - 1) / by }

// each records a kernel with one invocation per item.
func each(r *gpu.Recorder, kernel string, n int, d gpu.Dispatch) {
	d.Kernel.Kernel = kernel
	d.Groups = fold(ceil(n, lanes))
	d.Work = 16 * float64(n) // they wait for memory, not for arithmetic
	r.Dispatch(d)
}

// cols returns the length of the rows of a tensor of two dimensions or more.
func cols(t gpu.Tensor) int { return t.Len() / t.Shape[0] }

func variant(kernel string) shaders.Variant { return shaders.Variant{Kernel: kernel} }

func override(name string, value int) shaders.Override {
	return shaders.Override{Name: name, Value: uint32(value)}
}
