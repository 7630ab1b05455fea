package ops

import (
	"pixtral-wgpu/gpu"
	"pixtral-wgpu/shaders"
)

const (
	// SurveyLanes is how many parts Survey sees a row in, four words each.
	SurveyLanes = 1024

	// ShortlistWords is the length of a shortlist: a head of ShortlistHead words,
	// then index and element by turns.
	ShortlistWords = 520
	ShortlistHead  = 8

	// ShortlistRank is how many elements a shortlist has at least.
	ShortlistRank = 64
)

// Shortlist records a list of the largest elements of each row of x: [rows, cols],
// of ShortlistRank columns or more and less than 2^24. y: [rows, ShortlistWords] u32:
// how many reach the bound, which may be more than there is room for; index of the
// largest, the lowest of equals; bits of the largest, of the bound, of the sum of
// exp(x - largest) and of exp((x - largest) * heat); two words of nothing; then
// index and bits of those that reach the bound, in any order. heat: [rows];
// found, [rows, SurveyLanes, 4] u32, is overwritten.
func Shortlist(r *gpu.Recorder, y, found, x, heat gpu.Tensor) {
	Survey(r, found, x, heat)
	ShortlistHeads(r, y, found, heat)
	ShortlistFill(r, y, x)
}

// Survey records what the lanes of a shortlist find.
func Survey(r *gpu.Recorder, found, x, heat gpu.Tensor) {
	rows := x.Shape[0]
	if found.Type != gpu.U32 || found.Len() != 4*rows*SurveyLanes || heat.Len() != rows || cols(x) >= 1<<24 || cols(x) < ShortlistRank {
		r.Misfit("survey", "%s from %s and %s", found.String(), x.String(), heat.String())
		return
	}
	r.Dispatch(gpu.Dispatch{
		Kernel: variant("survey"),
		Params: surveyParams{uint32(cols(x)), uint32(rows)},
		Read:   []gpu.Tensor{x, heat},
		Write:  found,
		Groups: fold(rows * SurveyLanes / lanes),
		Work:   8 * float64(x.Len()),
	})
}

type surveyParams struct{ Cols, Rows uint32 }

// ShortlistHeads records the heads of shortlists.
func ShortlistHeads(r *gpu.Recorder, y, found, heat gpu.Tensor) {
	rows := y.Shape[0]
	if y.Type != gpu.U32 || y.Len() != rows*ShortlistWords || found.Len() != 4*rows*SurveyLanes || heat.Len() != rows || rows > mostGroups {
		r.Misfit("shortlist", "%s from %s and %s", y.String(), found.String(), heat.String())
		return
	}
	r.Dispatch(gpu.Dispatch{
		Kernel:  shaders.Variant{Kernel: "shortlist", Set: shaders.Set{override("WG", 256)}},
		Params:  struct{ Rows uint32 }{uint32(rows)},
		Read:    []gpu.Tensor{found, heat},
		Write:   y,
		Groups:  [3]int{rows},
		Work:    float64(rows) * SurveyLanes * SurveyLanes,
		Partial: true,
	})
}

// ShortlistFill records the elements of shortlists behind their heads.
func ShortlistFill(r *gpu.Recorder, y, x gpu.Tensor) {
	rows := x.Shape[0]
	if y.Type != gpu.U32 || y.Len() != rows*ShortlistWords {
		r.Misfit("shortlist_fill", "%s from %s", y.String(), x.String())
		return
	}
	each(r, "shortlist_fill", x.Len(), gpu.Dispatch{
		Params: fillParams{uint32(cols(x)), uint32(x.Len())},
		Read:   []gpu.Tensor{x},
		Write:  y,
	})
}

type fillParams struct{ Cols, N uint32 }

// A Lot says how a token is drawn of a shortlist: what model.Sampler says, as
// the device reads it.
type Lot struct {
	Heat, At, TopP, MinP, TopK float32 // 1 / temperature, what to keep, 1 and 0 for all; At is from 0 to below 1
	_                          [3]float32
}

// LotWords is the length of a Lot.
const LotWords = 8

// ShortlistDraw records y[r] = the token that a sampler draws of a shortlist, or
// about so: it knows the list alone, and adds in f32. y: [rows] u32; lists: [rows,
// ShortlistWords] u32; draws: [rows, LotWords], a Lot each.
func ShortlistDraw(r *gpu.Recorder, y, lists, draws gpu.Tensor) {
	rows := y.Len()
	if y.Type != gpu.U32 || lists.Type != gpu.U32 || lists.Len() != rows*ShortlistWords || draws.Len() != rows*LotWords || rows > mostGroups {
		r.Misfit("shortlist_draw", "%s from %s by %s", y.String(), lists.String(), draws.String())
		return
	}
	r.Dispatch(gpu.Dispatch{
		Kernel: shaders.Variant{Kernel: "shortlist_draw", Set: shaders.Set{override("WG", 256)}},
		Params: struct{ Rows uint32 }{uint32(rows)},
		Read:   []gpu.Tensor{lists, draws},
		Write:  y,
		Groups: [3]int{rows},
		Work:   float64(rows) * ShortlistWords * ShortlistWords,
	})
}
