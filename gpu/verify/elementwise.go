package verify

import (
	"fmt"
	"slices"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/ref"
)

// elementwiseChecks run each kernel at one quad, off a workgroup, and beyond
// what one dimension of a dispatch holds.
func elementwiseChecks() []Check {
	kernels := []struct {
		name  string
		limit float64
		op    func(r *gpu.Recorder, y, x, z gpu.Tensor)
		twin  func(y, x, z []float32) []float32
	}{
		{"add", 0, func(r *gpu.Recorder, y, x, _ gpu.Tensor) { ops.Add(r, y, x) },
			func(y, x, _ []float32) []float32 { ref.Add(y, x); return y }},
		{"add_bias", 0, func(r *gpu.Recorder, y, x, _ gpu.Tensor) { ops.AddBias(r, y, x.Rows(1)) },
			func(y, x, _ []float32) []float32 { ref.AddBias(y, x[:4]); return y }},
		{"swiglu", exact, func(r *gpu.Recorder, y, x, z gpu.Tensor) { ops.SwiGLU(r, y, x, z) },
			func(_, x, z []float32) []float32 { return ref.SwiGLU(x, z) }},
		{"gelu", 1e-10, func(r *gpu.Recorder, y, x, _ gpu.Tensor) { ops.GELU(r, y, x) },
			func(_, x, _ []float32) []float32 { return ref.GELU(x) }},
	}
	var list []Check
	for _, k := range kernels {
		for _, quads := range []int{1, 61, 65, 65535*lanes + 3} {
			if quads > 1e6 && k.name != "add" {
				continue // they share the folding
			}
			list = append(list, Check{k.name, fmt.Sprint(4 * quads), func(d *gpu.Device) error {
				return on(d, func(b *bench) error {
					xs, ys, zs := noise(1, 4*quads), noise(2, 4*quads), noise(3, 4*quads)
					for i := range min(len(xs), 1000) {
						xs[i] *= 10
					}
					if quads > 1 { // far out, where a careless exp overflows
						xs[0], xs[1], xs[2], xs[3] = 1e5, -1e5, 100, -100
					}
					x, y := b.floats("x", xs, quads, 4), b.floats("y", ys, quads, 4)
					z := y
					if k.name == "swiglu" {
						z = b.floats("z", zs, quads, 4)
					}
					got := b.result(y, func(r *gpu.Recorder) { k.op(r, y, x, z) })
					if b.err != nil {
						return b.err
					}
					return near(got, k.twin(slices.Clone(ys), xs, zs), k.limit)
				})
			}})
		}
	}
	return list
}

const lanes = 64 // invocations of their workgroups
