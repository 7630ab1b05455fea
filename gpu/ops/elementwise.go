package ops

import "pixtral-wgpu/gpu"

// Add records y += x. x, y: the same number of elements, a multiple of 4.
func Add(r *gpu.Recorder, y, x gpu.Tensor) {
	if x.Len() != y.Len() || x.Len()%4 != 0 {
		r.Misfit("add", "%v += %v", y, x)
		return
	}
	n := x.Len() / 4
	each(r, "add", n, gpu.Dispatch{Params: struct{ N uint32 }{uint32(n)}, Read: []gpu.Tensor{x}, Write: y})
}

// AddBias records y += bias, row by row. y: [rows, dim]; bias: [dim]; dim a multiple of 4.
func AddBias(r *gpu.Recorder, y, bias gpu.Tensor) {
	if cols(y) != bias.Len() || bias.Len()%4 != 0 {
		r.Misfit("add_bias", "%v += %v", y, bias)
		return
	}
	n := y.Len() / 4
	each(r, "add_bias", n, gpu.Dispatch{
		Params: struct{ N, Quads uint32 }{uint32(n), uint32(bias.Len() / 4)},
		Read:   []gpu.Tensor{bias}, Write: y,
	})
}

// SwiGLU records y = silu(gate) * up. All: the same number of elements, a multiple of 4.
func SwiGLU(r *gpu.Recorder, y, gate, up gpu.Tensor) {
	if gate.Len() != y.Len() || up.Len() != y.Len() || y.Len()%4 != 0 {
		r.Misfit("swiglu", "%v from %v and %v", y, gate, up)
		return
	}
	n := y.Len() / 4
	each(r, "swiglu", n, gpu.Dispatch{Params: struct{ N uint32 }{uint32(n)}, Read: []gpu.Tensor{gate, up}, Write: y})
}

// GELU records y = 0.5 x (1 + erf(x / √2)). x, y: the same number of elements, a multiple of 4.
func GELU(r *gpu.Recorder, y, x gpu.Tensor) {
	if x.Len() != y.Len() || x.Len()%4 != 0 {
		r.Misfit("gelu", "%v from %v", y, x)
		return
	}
	n := x.Len() / 4
	each(r, "gelu", n, gpu.Dispatch{Params: struct{ N uint32 }{uint32(n)}, Read: []gpu.Tensor{x}, Write: y})
}
