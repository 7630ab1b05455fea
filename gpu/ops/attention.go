package ops

import (
	"math"
	"math/bits"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/shaders"
)

// A Mask says which keys a query sees: all of them (images), or those up to its
// own position, the first query being at Base (text).
type Mask struct {
	Causal bool
	Base   int
}

type attentionVecParams struct {
	Heads, SharedBy, Keys, Causal, Base, Begin uint32
	Scale                                      float32
}

type attentionTileParams struct {
	Heads, SharedBy, Keys, Causal, Base, Begin, Until uint32
	Scale                                             float32
}

const (
	vecLanes   = 64  // WG of attention_vec: a head has at most as many quads
	tileLanes  = 128 // WG of attention_tile
	tileRows   = 16  // QUERIES of attention_tile
	tileQuads  = 48  // what its queries leave room for in 16 KiB of workgroup memory
	vecQueries = 4   // up to how many queries attention_vec is taken
)

// Attention records y = softmax(q·kᵀ/√headDim + mask)·v with grouped heads; no
// matrix of scores is ever stored. q, y: [n, heads*headDim]; k, v: [positions,
// kvHeads*headDim] of which the first keys rows count, f32 or f16.
func Attention(r *gpu.Recorder, y, q, k, v gpu.Tensor, keys, headDim int, m Mask) {
	kernel := "attention_tile"
	if q.Shape[0] <= vecQueries || headDim/4 > tileQuads {
		kernel = "attention_vec"
	}
	AttentionBy(r, kernel, y, q, k, v, keys, headDim, m)
}

// AttentionBy is Attention with the kernel named.
func AttentionBy(r *gpu.Recorder, kernel string, y, q, k, v gpu.Tensor, keys, headDim int, m Mask) {
	n, quads := q.Shape[0], headDim/4
	heads, kvHeads := cols(q)/headDim, cols(k)/headDim
	limit := map[string]int{"attention_vec": vecLanes, "attention_tile": tileQuads}[kernel]
	switch {
	case headDim%4 != 0, quads > limit, cols(q) != heads*headDim, cols(k) != kvHeads*headDim, kvHeads == 0,
		heads%max(kvHeads, 1) != 0, cols(v) != cols(k), y.Len() != q.Len(), k.Type != v.Type,
		keys < 1, keys > k.Shape[0], keys > v.Shape[0], m.Causal && m.Base+n > keys:
		r.Misfit(kernel, "%v from %v, %v and %v with %d keys, heads of %d, %+v", y, q, k, v, keys, headDim, m)
		return
	}
	causal := uint32(0)
	if m.Causal {
		causal = 1
	}
	columns := 1 << bits.Len(uint(quads-1))
	set := shaders.Set{{Name: "QUADS", Value: uint32(quads)}, {Name: "COLUMNS", Value: uint32(columns)}}
	step := 1
	if kernel == "attention_tile" {
		step = tileRows
		set[2] = shaders.Override{Name: "HELD", Value: uint32(max(1, tileRows*columns/tileLanes))}
	}
	perQuery := 2 * float64(keys) * float64(cols(q))
	for from := 0; from < n; {
		to := from + min(r.Fit(n-from, step, perQuery), mostGroups*step)
		d := gpu.Dispatch{
			Kernel:  shaders.Variant{Kernel: kernel, Cache: k.Type.String(), Set: set},
			Read:    []gpu.Tensor{q},
			Write:   y,
			Group1:  []gpu.Tensor{k, v},
			Groups:  [3]int{heads, ceil(to-from, step)},
			Work:    perQuery * float64(to-from),
			Bytes:   2*q.Bytes() + 2*k.Type.Bytes(keys*cols(k)),
			Partial: to < n,
		}
		vec := attentionVecParams{
			uint32(heads), uint32(heads / kvHeads), uint32(keys), causal, uint32(m.Base), uint32(from),
			float32(1 / math.Sqrt(float64(headDim))),
		}
		d.Params = vec
		if kernel == "attention_tile" {
			d.Params = attentionTileParams{vec.Heads, vec.SharedBy, vec.Keys, vec.Causal, vec.Base, vec.Begin, uint32(to), vec.Scale}
		}
		r.Dispatch(d)
		from = to
	}
}
