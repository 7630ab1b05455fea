package ops

import (
	"math"
	"math/bits"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/shaders"
)

type attentionVecParams struct {
	Heads, SharedBy, Begin uint32
	Scale                  float32
}

type attentionTileParams struct {
	Heads, SharedBy, Begin, Until uint32
	Scale                         float32
}

const (
	vecLanes  = 64  // WG of attention_vec: a head has at most as many quads
	tileLanes = 128 // WG of attention_tile
	tileRows  = 16  // QUERIES of attention_tile
	tileQuads = 48  // what its queries leave room for in 16 KiB of workgroup memory
)

// Attention records y = softmax(q·kᵀ/√headDim)·v for a stretch of the rows of
// q, over the keys that each sees, with grouped heads; no matrix of scores is
// ever stored. q, y: [n, heads*headDim]; k, v: [positions, kvHeads*headDim] in
// pages, f32, f16 or q8_0.
//
// What becomes of a row depends on nothing but the row and its keys. Rows of
// many sequences are taken one by one, those of one together.
func Attention(r *gpu.Recorder, y, q, k, v gpu.Tensor, seats Seats, s Stretch, headDim int) {
	kernel := "attention_tile"
	if s.Each || headDim/4 > tileQuads {
		kernel = "attention_vec"
	}
	AttentionBy(r, kernel, y, q, k, v, seats, s, headDim)
}

// AttentionBy is Attention with the kernel named; attention_tile takes rows of
// one sequence only.
func AttentionBy(r *gpu.Recorder, kernel string, y, q, k, v gpu.Tensor, seats Seats, s Stretch, headDim int) {
	n, quads := q.Shape[0], headDim/4
	heads, kvHeads := cols(q)/headDim, cols(k)/headDim
	limit := map[string]int{"attention_vec": vecLanes, "attention_tile": tileQuads}[kernel]
	switch {
	case headDim%4 != 0, quads > limit, cols(q) != heads*headDim, cols(k) != kvHeads*headDim, kvHeads == 0,
		heads%max(kvHeads, 1) != 0, cols(v) != cols(k), y.Len() != q.Len(), k.Type != v.Type, !seats.seated(n),
		s.From < 0, s.From >= s.To, s.To > n, s.Keys < 1, s.Each && kernel == "attention_tile":
		r.Misfit(kernel, "%v from %v, %v and %v by %v, heads of %d, %+v", y, q, k, v, seats.Rows, headDim, s)
		return
	}
	columns := 1 << bits.Len(uint(quads-1))
	set := shaders.Set{{Name: "QUADS", Value: uint32(quads)}, {Name: "COLUMNS", Value: uint32(columns)}}
	step := 1
	if kernel == "attention_tile" {
		step = tileRows
		set[2] = shaders.Override{Name: "HELD", Value: uint32(max(1, tileRows*columns/tileLanes))}
	}
	perQuery := 2 * float64(s.Keys) * float64(cols(q))
	for from := s.From; from < s.To; {
		to := from + min(r.Fit(s.To-from, step, perQuery), mostGroups*step)
		sequences := 1
		if s.Each {
			sequences = to - from
		}
		d := gpu.Dispatch{
			Kernel:  shaders.Variant{Kernel: kernel, Cache: k.Type.String(), Set: set},
			Read:    []gpu.Tensor{q, seats.Rows, seats.Pages},
			Write:   y,
			Group1:  []gpu.Tensor{k, v},
			Groups:  [3]int{heads, ceil(to-from, step)},
			Work:    perQuery * float64(to-from),
			Bytes:   2*gpu.F32.Bytes((to-from)*cols(q)) + 2*uint64(sequences)*k.Type.Bytes(s.Keys*cols(k)),
			Partial: to < n,
		}
		vec := attentionVecParams{uint32(heads), uint32(heads / kvHeads), uint32(from), float32(1 / math.Sqrt(float64(headDim)))}
		d.Params = vec
		if kernel == "attention_tile" {
			d.Params = attentionTileParams{vec.Heads, vec.SharedBy, vec.Begin, uint32(to), vec.Scale}
		}
		r.Dispatch(d)
		from = to
	}
}
