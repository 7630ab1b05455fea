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

type attentionSplitParams struct {
	Heads, SharedBy, Begin, Splits uint32
	Scale                          float32
}

type attentionCombineParams struct{ Heads, Begin, Splits uint32 }

type attentionTileParams struct {
	Heads, SharedBy, Begin, Until uint32
	Scale                         float32
}

const (
	vecLanes  = 64  // WG of attention_vec and attention_split: a head has at most as many quads
	splitKeys = 128 // SPLIT of attention_split
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
// many sequences are taken one by one, those of one together. With memory for
// parts, of PartsLen elements for one row or more, the keys of rows taken one by
// one are split, so that a long sequence keeps the whole device busy.
func Attention(r *gpu.Recorder, y, q, k, v, parts gpu.Tensor, seats Seats, s Stretch, headDim int) {
	kernel := "attention_tile"
	if s.Each || headDim/4 > tileQuads {
		kernel = "attention_vec"
	}
	if kernel == "attention_vec" && parts.Exists() {
		AttentionSplit(r, y, q, k, v, parts, seats, s, headDim)
		return
	}
	AttentionBy(r, kernel, y, q, k, v, seats, s, headDim)
}

// PartsLen returns how many f32 the parts of one row take.
func PartsLen(keys, heads, headDim int) int { return ceil(keys, splitKeys) * heads * (headDim + 4) }

// AttentionBy is Attention with the kernel named; attention_tile takes rows of
// one sequence only.
func AttentionBy(r *gpu.Recorder, kernel string, y, q, k, v gpu.Tensor, seats Seats, s Stretch, headDim int) {
	n := q.Shape[0]
	heads, kvHeads := cols(q)/headDim, cols(k)/headDim
	if !fits(r, kernel, y, q, k, v, seats, s, headDim) {
		return
	}
	set, columns := headSet(headDim)
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

// fits reports whether a kernel takes the tensors, and tells r if not.
func fits(r *gpu.Recorder, kernel string, y, q, k, v gpu.Tensor, seats Seats, s Stretch, headDim int) bool {
	n, quads, limit := q.Shape[0], headDim/4, vecLanes
	if kernel == "attention_tile" {
		limit = tileQuads
	}
	heads, kvHeads := cols(q)/headDim, cols(k)/headDim
	switch {
	case headDim%4 != 0, quads > limit, cols(q) != heads*headDim, cols(k) != kvHeads*headDim, kvHeads == 0,
		heads%max(kvHeads, 1) != 0, cols(v) != cols(k), y.Len() != q.Len(), k.Type != v.Type, !seats.seated(n),
		s.From < 0, s.From >= s.To, s.To > n, s.Keys < 1, s.Each && kernel == "attention_tile":
		r.Misfit(kernel, "%v from %v, %v and %v by %v, heads of %d, %+v", y, q, k, v, seats.Rows, headDim, s)
		return false
	}
	return true
}

// headSet returns the overrides for heads of a size.
func headSet(headDim int) (set shaders.Set, columns int) {
	columns = 1 << bits.Len(uint(headDim/4-1))
	set[0], set[1] = override("QUADS", headDim/4), override("COLUMNS", columns)
	return set, columns
}
