package ops

import (
	"cmp"

	"pixtral-wgpu/gpu"
)

type attentionSplitParams struct {
	Heads, SharedBy, Begin, Splits uint32
	Scale                          float32
}

type attentionCombineParams struct{ Heads, Begin, Splits uint32 }

// splitKeys is how many keys a split has at least, SPLIT of attention_split; more
// are multiples of it.
const splitKeys = 128

// blockSplit is how many keys a split of attention_split_block has, which stores no
// scores: by splits of 128 a tenth of the time went into combining them.
const blockSplit = 256

// Splits returns into how many parts so many keys are split at most. What Attention
// records for rows taken one by one depends on no more of the keys than that.
func Splits(keys int) int { return ceil(keys, splitKeys) }

// PartsLen returns how many f32 the parts of one row take, however it is split.
func PartsLen(keys, heads, headDim int) int { return Splits(keys) * heads * (headDim + 4) }

// split records attention by splits of the keys, each of which leaves a part of
// the result, and a kernel that combines them. Splits are of the same length
// whatever there is beside a row, so it is the same to the bit in any company.
func (a *attention) split(r *gpu.Recorder) {
	if !a.fits(r, vecLanes) {
		return
	}
	heads, shared := a.heads()
	keys := cmp.Or(a.Rows, splitKeys)
	if a.Kernel == "attention_split_block" {
		keys = blockSplit
	}
	splits := ceil(a.Keys, keys)
	row := splits * heads * (a.headDim + 4)
	if splits > 1 && a.parts.Len() < row || splits > mostGroups {
		r.Misfit(a.Kernel, "%v holds no row of %d keys", a.parts, a.Keys)
		return
	}
	room := min(mostGroups, max(1, a.parts.Len()/row))
	set, _ := headSet(a.headDim)
	combined := set
	if keys != splitKeys {
		set[2] = override("SPLIT", keys)
		combined[2] = set[2]
	}
	if a.Lanes > 0 {
		set[3] = override("WG", a.Lanes)
	}
	if a.Kernel == "attention_split_block" {
		set[3], set[5] = override("PARTS", ceil(a.headDim/4, blockLanes)), override("ROWS", 4)
	}
	y := a.parts
	if splits == 1 {
		set[4], y = override("WHOLE", 1), a.y
	}
	for from := a.From; from < a.To; {
		n := r.Fit(min(a.To-from, room), 1, a.work())
		partial := from+n < a.q.Shape[0]
		params := attentionSplitParams{uint32(heads), uint32(shared), uint32(from), uint32(splits), a.scale()}
		a.dispatch(r, y, params, [3]int{heads / shared * ceil(shared, 4), splits, n}, set, n, n, partial || splits > 1)
		if splits > 1 {
			d := gpu.Dispatch{
				Kernel:  variant("attention_combine"),
				Params:  attentionCombineParams{uint32(heads), uint32(from), uint32(splits)},
				Read:    []gpu.Tensor{a.parts, a.seats.Rows},
				Write:   a.y,
				Groups:  [3]int{heads, n},
				Work:    float64(n * row),
				Bytes:   gpu.F32.Bytes(n * (row + cols(a.q))),
				Partial: partial,
			}
			d.Kernel.Set = combined
			r.Dispatch(d)
		}
		from += n
	}
}
