package ops

import (
	"pixtral-wgpu/gpu"
	"pixtral-wgpu/shaders"
)

// Products with what follows them. The kernels that let an output take their
// sums do both in one dispatch; after the others comes a dispatch of its own.
// each is as in LinearEach, where it is true, and as in LinearMany.

// fuses reports whether a kernel hands its sums to an output.
func fuses(kernel string) bool { return kernel != "linear_tile" }

// LinearAdd records y += x · Wᵀ. delta, of y's shape, may be overwritten.
func LinearAdd(r *gpu.Recorder, y, x gpu.Tensor, w *gpu.Matrix, delta gpu.Tensor, each bool) {
	LinearAddBy(r, pick(r, w, x.Shape[0], each), y, x, w, delta)
}

// LinearAddBy is LinearAdd with the way named.
func LinearAddBy(r *gpu.Recorder, way gpu.Way, y, x gpu.Tensor, w *gpu.Matrix, delta gpu.Tensor) {
	switch {
	case cols(y) != w.Rows || delta.Len() != y.Len():
		r.Misfit(way.Kernel, "%s += %s by %v, through %s", y.String(), x.String(), w, delta.String())
	case fuses(way.Kernel):
		l := linear{Way: way, output: "add", y: y, x: x, w: w}
		l.record(r)
	default:
		LinearBy(r, way, delta, x, w)
		Add(r, y, delta)
	}
}

// LinearSwiGLU records y = silu(in · W1ᵀ) * (in · W3ᵀ), where rows 2i and 2i+1 of w
// are the rows i of W1 and W3. y: [n, w.Rows/2]; pairs, [n, w.Rows], may be
// overwritten.
func LinearSwiGLU(r *gpu.Recorder, y gpu.Tensor, in Input, w *gpu.Matrix, pairs gpu.Tensor, each bool) {
	LinearSwiGLUBy(r, pick(r, w, in.X.Shape[0], each), y, in, w, pairs)
}

// LinearSwiGLUBy is LinearSwiGLU with the way named.
func LinearSwiGLUBy(r *gpu.Recorder, way gpu.Way, y gpu.Tensor, in Input, w *gpu.Matrix, pairs gpu.Tensor) {
	switch {
	case 2*cols(y) != w.Rows || pairs.Len() != 2*y.Len():
		r.Misfit(way.Kernel, "%s from %s and %v, through %s", y.String(), in.X.String(), w, pairs.String())
	case fuses(way.Kernel):
		l := linear{Way: way, output: "swiglu", y: y, w: w}
		l.take(r, &in)
		l.record(r)
	default:
		LinearInputBy(r, way, pairs, in, w)
		SwiGLUPairs(r, y, pairs)
	}
}

// SwiGLUPairs records y[:, i] = silu(x[:, 2i]) * x[:, 2i+1]. y: [n, cols]; x: [n, 2 cols].
func SwiGLUPairs(r *gpu.Recorder, y, x gpu.Tensor) {
	n := y.Len()
	if x.Len() != 2*n || cols(x) != 2*cols(y) {
		r.Misfit("swiglu_pairs", "%s from %s", y.String(), x.String())
		return
	}
	each(r, "swiglu_pairs", n, gpu.Dispatch{Params: struct{ N uint32 }{uint32(n)}, Read: []gpu.Tensor{x}, Write: y})
}

// Columns records y[:, i] = x[:, first + i*step].
func Columns(r *gpu.Recorder, y, x gpu.Tensor, first, step int) {
	n := y.Len()
	if x.Shape[0] != y.Shape[0] || first < 0 || step < 1 || first+(cols(y)-1)*step >= cols(x) {
		r.Misfit("columns", "%s from %s, %d and every %d", y.String(), x.String(), first, step)
		return
	}
	each(r, "columns", n, gpu.Dispatch{
		Params: columnsParams{uint32(n), uint32(cols(y)), uint32(cols(x)), uint32(first), uint32(step)},
		Read:   []gpu.Tensor{x},
		Write:  y,
	})
}

type columnsParams struct{ N, Cols, Stride, First, Step uint32 }

// Heads are where the queries, keys and values of a pass go.
type Heads struct {
	Q            gpu.Tensor // [n, heads*headDim], f32
	Keys, Values gpu.Tensor // [positions, kvHeads*headDim], of the cache's type
	Table        gpu.Tensor // [positions, headDim/2, 2], cosine and sine
	Seats        Seats
	HeadDim      int
}

// fits reports whether rows of q, k and v, one after the other, go into h.
func (h *Heads) fits(n, width int) bool {
	unit := 4
	if h.Keys.Type == gpu.Q8 {
		unit = 32
	}
	return h.Q.Shape[0] == n && cols(h.Q)+2*cols(h.Keys) == width && cols(h.Values) == cols(h.Keys) &&
		h.Keys.Type == h.Values.Type && h.Keys.Type != gpu.U32 && cols(h.Keys)%unit == 0 && cols(h.Q)%unit == 0 &&
		h.HeadDim%4 == 0 && cols(h.Q)%h.HeadDim == 0 && cols(h.Keys)%h.HeadDim == 0 && cols(h.Table) == h.HeadDim && h.Seats.seated(n)
}

// LinearQKV records in · Wᵀ, where the rows of w are those of Wq, Wk and Wv, turns
// queries and keys by the angles of their seats, and puts keys and values into
// the cache. qkv, [n, w.Rows], may be overwritten. Half floats saturate at ±65504.
func LinearQKV(r *gpu.Recorder, h *Heads, in Input, w *gpu.Matrix, qkv gpu.Tensor, each bool) {
	LinearQKVBy(r, pick(r, w, in.X.Shape[0], each), h, in, w, qkv)
}

// LinearQKVBy is LinearQKV with the way named.
func LinearQKVBy(r *gpu.Recorder, way gpu.Way, h *Heads, in Input, w *gpu.Matrix, qkv gpu.Tensor) {
	n := in.X.Shape[0]
	if !h.fits(n, w.Rows) {
		r.Misfit(way.Kernel, "%s, %s and %s from %s and %v", h.Q.String(), h.Keys.String(), h.Values.String(), in.X.String(), w)
		return
	}
	if !fuses(way.Kernel) || h.whole() || bindings(w)+qkvBindings > r.Device().Limits.Bindings {
		LinearInputBy(r, way, qkv, in, w)
		Spread(r, h, qkv, 0, n)
		return
	}
	l := linear{Way: way, output: "qkv", y: h.Q, w: w, group2: [4]gpu.Tensor{h.Seats.Rows, h.Table, h.Keys, h.Values}, takes: 4}
	half := 0
	if h.Keys.Type == gpu.F16 {
		half = 1
	}
	l.set = [4]shaders.Override{override("QUERIES", cols(h.Q)), override("KEYS", cols(h.Keys)), override("HEAD_DIM", h.HeadDim), override("HALF", half)}
	l.take(r, &in)
	l.record(r)
}

// whole reports whether what goes into h is written in whole blocks or texels, not in
// the pairs that a product makes.
func (h *Heads) whole() bool {
	return h.Keys.Type == gpu.Q8 || h.Q.Texels() || h.Keys.Texels() || h.Values.Texels()
}

// qkvBindings is how many storage buffers the output qkv takes, with x and a gain.
const qkvBindings = 7

// bindings is the most storage buffers that a shard of w has.
func bindings(w *gpu.Matrix) (most int) {
	for i := range w.Shards {
		most = max(most, len(w.Shards[i].Parts))
	}
	return most
}

// Spread records what LinearQKV does with the product, for the rows from to to-1.
// qkv: [n, heads*headDim + 2*kvHeads*headDim].
func Spread(r *gpu.Recorder, h *Heads, qkv gpu.Tensor, from, to int) {
	if !h.fits(qkv.Shape[0], cols(qkv)) || from < 0 || from >= to || to > qkv.Shape[0] {
		r.Misfit("spread", "rows %d to %d of %s into %s, %s and %s", from, to, qkv.String(), h.Q.String(), h.Keys.String(), h.Values.String())
		return
	}
	unit := 4
	if h.Keys.Type == gpu.Q8 {
		unit = 32
	}
	n := (to - from) * cols(qkv) / unit
	each(r, "spread", n, gpu.Dispatch{
		Kernel:  shaders.Variant{Cache: h.Keys.Type.String()},
		Params:  spreadParams{uint32(n), uint32(cols(h.Q) / unit), uint32(cols(h.Keys) / unit), uint32(h.HeadDim / 4), uint32(from)},
		Read:    []gpu.Tensor{qkv, h.Table, h.Seats.Rows},
		Write:   h.Q,
		Group1:  []gpu.Tensor{h.Keys, h.Values},
		Partial: to < qkv.Shape[0],
	})
}

type spreadParams struct{ N, Queries, Keys, Head, Begin uint32 }
