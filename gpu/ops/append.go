package ops

import "pixtral-wgpu/gpu"

type appendParams struct{ N, Width, Begin uint32 }

// Append records cache[place of row r] = x[r] for the rows from to to-1. cache:
// [positions, width], f16, f32 or q8_0; x: [n, width]; width a multiple of 4, or
// of 32 for q8_0. Half floats saturate at ±65504.
func Append(r *gpu.Recorder, cache, x gpu.Tensor, seats Seats, from, to int) {
	width, kernel, unit := cols(x), "append", 4
	d := gpu.Dispatch{
		Read:    []gpu.Tensor{x, seats.Rows},
		Write:   cache,
		Bytes:   2 * gpu.F32.Bytes((to-from)*width),
		Partial: true, // the cache is never complete; what went in is k and v
	}
	switch cache.Type {
	case gpu.Q8:
		kernel, unit = "append_q8_0", 32
	case gpu.F32:
		kernel = "append_f32"
	}
	if cols(cache) != width || width%unit != 0 || from < 0 || from >= to || to > x.Shape[0] || cache.Type == gpu.U32 || !seats.seated(x.Shape[0]) {
		r.Misfit(kernel, "rows %d to %d of %v into %v by %v", from, to, x, cache, seats.Rows)
		return
	}
	n := (to - from) * width / unit
	d.Params = appendParams{uint32(n), uint32(width / unit), uint32(from)}
	each(r, kernel, n, d)
}
