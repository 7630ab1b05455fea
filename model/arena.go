package model

import "pixtral-wgpu/gpu"

// An arena makes tensors that live and die together, and remembers the first
// error. An arena without a device only counts their bytes: a plan is the same
// code as what it plans.
type arena struct {
	dev   *gpu.Device
	mine  []gpu.Tensor
	bytes uint64
	err   error
}

// new makes an f32 tensor.
func (a *arena) new(name string, shape ...int) gpu.Tensor { return a.typed(name, gpu.F32, shape...) }

// typed makes a tensor of a type.
func (a *arena) typed(name string, typ gpu.Type, shape ...int) gpu.Tensor {
	return a.make((*gpu.Device).New, name, typ, shape...)
}

// texels makes a tensor that kernels read and write in whole texels.
func (a *arena) texels(name string, typ gpu.Type, shape ...int) gpu.Tensor {
	return a.make((*gpu.Device).NewTexels, name, typ, shape...)
}

func (a *arena) make(create func(*gpu.Device, string, gpu.Type, ...int) (gpu.Tensor, error), name string, typ gpu.Type, shape ...int) gpu.Tensor {
	t := gpu.Tensor{Name: name, Type: typ, Shape: shape}
	a.bytes += t.Bytes()
	if a.dev == nil || a.err != nil {
		return t
	}
	t, a.err = create(a.dev, name, typ, shape...)
	a.mine = append(a.mine, t)
	return t
}

// filled makes an f32 tensor of what data returns; a count does not ask it.
func (a *arena) filled(name string, data func() []float32, shape ...int) gpu.Tensor {
	t := a.new(name, shape...)
	if a.dev != nil && a.err == nil {
		a.err = a.dev.WriteFloats(t, data())
	}
	return t
}

// filledInts makes a u32 tensor of what data returns.
func (a *arena) filledInts(name string, data func() []uint32, shape ...int) gpu.Tensor {
	t := a.typed(name, gpu.U32, shape...)
	if a.dev != nil && a.err == nil {
		a.err = a.dev.Write(t, 0, words(nil, data()))
	}
	return t
}

func (a *arena) free() {
	if a.dev != nil {
		a.dev.Free(a.mine...)
	}
	a.mine = nil
}
