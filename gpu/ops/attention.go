package ops

import (
	"cmp"
	"math"
	"math/bits"
	"strings"

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
	vecLanes  = 64  // WG of attention_vec and attention_split: a head has at most as many quads
	tileLanes = 128 // WG of attention_tile
	tileRows  = 16  // ROWS of attention_tile
	halfRows  = 32  // ROWS of the tiles of half floats, and of integers
	blockRows = 16  // ROWS of attention_block where lanes hand each other what they have at no cost

	blockLanes = 8  // of attention_block and attention_split_block
	tileQuads  = 48 // what its queries leave room for in 16 KiB of workgroup memory
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
	AttentionBy(r, attends(r, k.Type, s.Each, headDim, parts.Exists()), y, q, k, v, parts, seats, s, headDim)
}

// attends returns the way for heads of a size: what the device prefers, where it
// takes them.
func attends(r *gpu.Recorder, cache gpu.Type, each bool, headDim int, parts bool) gpu.Way {
	u := gpu.Use{Op: AttendMany, Format: cache.String()}
	if each || headDim/4 > tileQuads {
		u.Op = Attend
	}
	if u.Op == Attend && !parts {
		return gpu.Way{Kernel: "attention_vec"}
	}
	if way := r.Device().Preferred(u); way.Kernel != "" && Holds(r.Device(), way, headDim) {
		return way
	}
	switch software := r.Device().Software(); {
	case u.Op == Attend && software:
		return gpu.Way{Kernel: "attention_split_block"}
	case u.Op == Attend:
		return gpu.Way{Kernel: "attention_split"}
	case software:
		return gpu.Way{Kernel: "attention_block"}
	}
	return gpu.Way{Kernel: "attention_tile"}
}

// AttentionBy is Attention with the way named. Tiles take rows of one sequence
// only; splits want parts.
func AttentionBy(r *gpu.Recorder, way gpu.Way, y, q, k, v, parts gpu.Tensor, seats Seats, s Stretch, headDim int) {
	a := attention{Way: way, y: y, q: q, k: k, v: v, parts: parts, seats: seats, Stretch: s, headDim: headDim}
	switch way.Kernel {
	case "attention_vec":
		a.vec(r)
	case "attention_tile", "attention_tile_half", "attention_tile_ints", "attention_matrices_8", "attention_matrices_16", "attention_block":
		a.tile(r)
	case "attention_split", "attention_split_subgroup", "attention_split_half", "attention_split_ints", "attention_split_block":
		a.split(r)
	default:
		r.Misfit(way.Kernel, "it is no kernel of attention")
	}
}

// An attention is attention on its way.
type attention struct {
	gpu.Way
	y, q, k, v, parts gpu.Tensor
	seats             Seats
	Stretch
	headDim int
}

// fits reports whether the way takes the tensors, and tells r if not.
func (a *attention) fits(r *gpu.Recorder, quads int) bool {
	n, dim := a.q.Shape[0], a.headDim
	heads, kvHeads := cols(a.q)/dim, cols(a.k)/dim
	switch {
	case dim%4 != 0, dim/4 > quads, cols(a.q) != heads*dim, cols(a.k) != kvHeads*dim, kvHeads == 0,
		heads%max(kvHeads, 1) != 0, cols(a.v) != cols(a.k), a.y.Len() != a.q.Len(), a.k.Type != a.v.Type, !a.seats.seated(n),
		a.From < 0, a.From >= a.To, a.To > n, a.Keys < 1:
		r.Misfit(a.Kernel, "%v from %v, %v and %v by %v, heads of %d, %+v", a.y, a.q, a.k, a.v, a.seats.Rows, dim, a.Stretch)
		return false
	case !reads(a.Kernel, a.k.Type):
		r.Misfit(a.Kernel, "keys of %v", a.k.Type)
		return false
	case !Holds(r.Device(), a.Way, dim):
		r.Misfit(a.Kernel, "heads of %d by %d lanes and %d rows want more workgroup memory than %s", dim, a.Lanes, a.Rows, gpu.Size(r.Device().Limits.WorkgroupBytes))
		return false
	}
	return true
}

// reads reports whether a kernel takes keys and values of a type.
func reads(kernel string, typ gpu.Type) bool {
	switch {
	case integers(kernel):
		return typ == gpu.Q8
	case kernel == "attention_split_half":
		return typ == gpu.F16
	}
	return true
}

// heads returns how many there are, and how many of them share one of the keys.
func (a *attention) heads() (heads, shared int) {
	heads = cols(a.q) / a.headDim
	return heads, heads / max(1, cols(a.k)/a.headDim)
}

// work returns the multiply-adds of a row.
func (a *attention) work() float64 { return 2 * float64(a.Keys) * float64(cols(a.q)) }

// scale returns what scores are multiplied with.
func (a *attention) scale() float32 { return float32(1 / math.Sqrt(float64(a.headDim))) }

// dispatch records what all kernels have in common, for n rows of so many
// sequences.
func (a *attention) dispatch(r *gpu.Recorder, y gpu.Tensor, params any, groups [3]int, set shaders.Set, n, sequences int, partial bool) {
	hands := ""
	if a.subgroup(r) {
		hands = "subgroup"
	}
	r.Dispatch(gpu.Dispatch{
		Kernel:  shaders.Variant{Kernel: a.Kernel, Cache: a.k.Type.String(), Lanes: hands, Set: set},
		Params:  params,
		Read:    []gpu.Tensor{a.q, a.seats.Rows, a.seats.Pages},
		Write:   y,
		Group1:  []gpu.Tensor{a.k, a.v},
		Groups:  groups,
		Work:    a.work() * float64(n),
		Bytes:   2*gpu.F32.Bytes(n*cols(a.q)) + 2*uint64(sequences)*a.k.Type.Bytes(a.Keys*cols(a.k)),
		Partial: partial,
	})
}

// subgroup reports whether a workgroup of a kernel for blocks is a subgroup.
func (a *attention) subgroup(r *gpu.Recorder) bool {
	return strings.HasSuffix(a.Kernel, "_block") && r.Device().SubgroupsOf(blockLanes)
}

// vec records a workgroup for each row and head.
func (a *attention) vec(r *gpu.Recorder) {
	if !a.fits(r, vecLanes) {
		return
	}
	set, _ := headSet(a.headDim)
	heads, shared := a.heads()
	for from := a.From; from < a.To; {
		n := r.Fit(min(a.To-from, mostGroups), 1, a.work())
		sequences := 1
		if a.Each {
			sequences = n
		}
		params := attentionVecParams{uint32(heads), uint32(shared), uint32(from), a.scale()}
		a.dispatch(r, a.y, params, [3]int{heads, n}, set, n, sequences, from+n < a.q.Shape[0])
		from += n
	}
}

// tile records a workgroup for so many rows of the heads that share a key head.
func (a *attention) tile(r *gpu.Recorder) {
	if !a.fits(r, tileQuads) {
		return
	}
	if a.Each {
		r.Misfit(a.Kernel, "rows of many sequences")
		return
	}
	heads, shared := a.heads()
	rows := tileRows
	set, columns := headSet(a.headDim)
	switch {
	case halves(a.Kernel):
		rows = cmp.Or(a.Rows, halfRows)
		set[2], set[3] = override("ROWS", rows), override("STRIDE", tileStride(a.Kernel))
	case integers(a.Kernel):
		rows = cmp.Or(a.Rows, halfRows)
		set[2] = override("ROWS", rows)
	case a.Kernel == "attention_block":
		if rows = blockLanes; a.subgroup(r) {
			rows = blockRows
		}
		set[1], set[2] = override("PARTS", ceil(a.headDim/4, blockLanes)), override("ROWS", rows)
	default:
		set[2] = override("HELD", max(1, rows*columns/tileLanes))
	}
	step := max(1, rows/shared)
	for from := a.From; from < a.To; {
		n := r.Fit(min(a.To-from, max(1, mostGroups*rows/shared)), step, a.work())
		params := attentionTileParams{uint32(heads), uint32(shared), uint32(from), uint32(from + n), a.scale()}
		groups := [3]int{heads / shared, ceil(n*shared, rows)}
		if a.Kernel == "attention_block" {
			groups[0], groups[1] = groups[1], groups[0] // those of a head one after the other: its keys stay in a cache
		}
		a.dispatch(r, a.y, params, groups, set, n, 1, from+n < a.q.Shape[0])
		from += n
	}
}

// tileStride returns how far rows of products are apart in the workgroup memory of
// a tile of half floats: 32 scores, or 64 columns that matrices make.
func tileStride(kernel string) int {
	if strings.Contains(kernel, "_matrices_") {
		return 68
	}
	return 36
}

// headSet returns the overrides for heads of a size.
func headSet(headDim int) (set shaders.Set, columns int) {
	columns = 1 << bits.Len(uint(headDim/4-1))
	set[0], set[1] = override("QUADS", headDim/4), override("COLUMNS", columns)
	return set, columns
}
