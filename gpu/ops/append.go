package ops

import (
	"pixtral-wgpu/gpu"
	"pixtral-wgpu/shaders"
)

type appendParams struct{ N, At uint32 }

// Append records cache[at+r] = x[r]. cache: [positions, width], f16, f32 or
// q8_0; x: [n, width]; width a multiple of 4, or of 32 for q8_0. Half floats
// saturate at ±65504.
func Append(r *gpu.Recorder, cache, x gpu.Tensor, at int) {
	width := cols(x)
	if cols(cache) != width || width%4 != 0 || at < 0 || at+x.Shape[0] > cache.Shape[0] || cache.Type == gpu.U32 {
		r.Misfit("append", "%v into %v at %d", x, cache, at)
		return
	}
	if cache.Type == gpu.Q8 {
		appendQ8(r, cache, x, at)
		return
	}
	half := uint32(0)
	if cache.Type == gpu.F16 {
		half = 1
	}
	n := x.Len() / 4
	each(r, "append", n, gpu.Dispatch{
		Kernel:  shaders.Variant{Set: shaders.Set{{Name: "HALF", Value: half}}},
		Params:  appendParams{uint32(n), uint32(at * width / 4)},
		Read:    []gpu.Tensor{x},
		Write:   cache,
		Bytes:   2 * x.Bytes(),
		Partial: true, // the cache is never complete; what went in is k and v
	})
}

func appendQ8(r *gpu.Recorder, cache, x gpu.Tensor, at int) {
	width, n := cols(x), x.Len()/32
	if width%32 != 0 {
		r.Misfit("append_q8_0", "%v into blocks of 32", x)
		return
	}
	each(r, "append_q8_0", n, gpu.Dispatch{
		Params:  appendParams{uint32(n), uint32(at * width / 32)},
		Read:    []gpu.Tensor{x},
		Write:   cache,
		Bytes:   2 * x.Bytes(),
		Partial: true,
	})
}
