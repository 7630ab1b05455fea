package ops

import (
	"math"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/shaders"
)

// A Mask says which keys a query sees: all of them (images), or those up to its
// own position, the first query being at Base (text).
type Mask struct {
	Causal bool
	Base   int
}

type attentionRowsParams struct {
	Heads, SharedBy, Keys, Causal, Base, Begin, Stride uint32
	Scale                                              float32
}

// A Fold says what becomes of the heads of attention rows.
type Fold int

const (
	EachHead Fold = iota // a row a head
	MeanHead             // one row: the mean of the heads
	MaxHead              // one row: their maximum
)

// AttentionRows records the weights that Attention mixes the values with: rows
// that sum to 1, and 0 for what a query does not see. q: [n, heads*headDim]; k:
// [positions, kvHeads*headDim] of which the first keys rows count; y: [n, heads,
// stride], stride at least keys, or [n, 1, stride] if heads are folded.
func AttentionRows(r *gpu.Recorder, y, q, k gpu.Tensor, keys, headDim int, m Mask, fold Fold) {
	const kernel = "inspect/attention_rows"
	n, heads, kvHeads := q.Shape[0], cols(q)/headDim, cols(k)/headDim
	together := 1
	if fold != EachHead {
		together = heads
	}
	if len(y.Shape) != 3 || y.Shape[0] != n || y.Shape[1] != heads/max(together, 1) || y.Shape[2] < keys ||
		headDim%4 != 0 || kvHeads == 0 || heads%max(kvHeads, 1) != 0 || cols(q) != heads*headDim || cols(k) != kvHeads*headDim ||
		keys < 1 || keys > k.Shape[0] || m.Causal && m.Base+n > keys {
		r.Misfit(kernel, "%v from %v and %v with %d keys, heads of %d, %+v", y, q, k, keys, headDim, m)
		return
	}
	set := shaders.Set{{Name: "QUADS", Value: uint32(headDim / 4)}, {Name: "FOLD", Value: uint32(together)}}
	if fold == MaxHead {
		set[2] = shaders.Override{Name: "MAX", Value: 1}
	}
	perQuery := 3 * float64(keys) * float64(cols(q))
	for from := 0; from < n; {
		to := from + min(r.Fit(n-from, 1, perQuery), mostGroups)
		r.Dispatch(gpu.Dispatch{
			Kernel: shaders.Variant{Kernel: kernel, Cache: k.Type.String(), Set: set},
			Params: attentionRowsParams{
				uint32(heads), uint32(heads / kvHeads), uint32(keys), flag(m.Causal), uint32(m.Base), uint32(from), uint32(y.Shape[2]),
				float32(1 / math.Sqrt(float64(headDim))),
			},
			Read:    []gpu.Tensor{q},
			Write:   y,
			Group1:  []gpu.Tensor{k, k}, // the values are not read
			Groups:  [3]int{heads / together, to - from},
			Work:    perQuery * float64(to-from),
			Partial: to < n,
		})
		from = to
	}
}

func flag(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

type rowStatsParams struct{ Cols, Rows uint32 }

// RowStats records of each row of x its norm, its largest magnitude, where that
// is and how many elements are no finite numbers. x: [rows, cols]; y: [rows, 4].
func RowStats(r *gpu.Recorder, y, x gpu.Tensor) {
	rows := x.Shape[0]
	if y.Len() != 4*rows {
		r.Misfit("inspect/row_stats", "%v from %v", y, x)
		return
	}
	r.Dispatch(gpu.Dispatch{
		Kernel: variant("inspect/row_stats"),
		Params: rowStatsParams{uint32(cols(x)), uint32(rows)},
		Read:   []gpu.Tensor{x},
		Write:  y,
		Groups: fold(rows),
		Work:   8 * float64(x.Len()),
	})
}

type rolloutParams struct{ Quads, Stride, Causal, Begin, Rows uint32 }

// Rollout records y = (x + a·x) / 2. a: [n, n], or [n, 1, n]; x, y: [n, cols],
// cols a multiple of 4. If causal, a is taken to be 0 above its diagonal.
func Rollout(r *gpu.Recorder, y, a, x gpu.Tensor, causal bool) {
	const kernel = "inspect/rollout"
	n, width := x.Shape[0], cols(x)
	if a.Len() != n*cols(a) || a.Shape[0] != n || cols(a) < n || y.Len() != x.Len() || width%4 != 0 {
		r.Misfit(kernel, "%v from %v and %v", y, a, x)
		return
	}
	perRow := float64(n) * float64(width)
	for from := 0; from < n; {
		to := from + min(r.Fit(n-from, 1, perRow), mostGroups)
		r.Dispatch(gpu.Dispatch{
			Kernel:  variant(kernel),
			Params:  rolloutParams{uint32(width / 4), uint32(cols(a)), flag(causal), uint32(from), uint32(n)},
			Read:    []gpu.Tensor{a, x},
			Write:   y,
			Groups:  [3]int{ceil(width/4, lanes), to - from},
			Work:    perRow * float64(to-from),
			Partial: to < n,
		})
		from = to
	}
}
