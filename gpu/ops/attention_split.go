package ops

import (
	"math"

	"pixtral-wgpu/gpu"
)

// AttentionSplit is Attention by splits of the keys, each of which leaves a part
// of the result, and a kernel that combines them. Splits are of the same length
// whatever there is beside a row, so it is the same to the bit in any company.
func AttentionSplit(r *gpu.Recorder, y, q, k, v, parts gpu.Tensor, seats Seats, s Stretch, headDim int) {
	heads, kvHeads := cols(q)/headDim, max(1, cols(k)/headDim)
	splits := ceil(s.Keys, splitKeys)
	room := min(mostGroups, max(1, parts.Len()/max(1, PartsLen(s.Keys, heads, headDim))))
	if !fits(r, "attention_split", y, q, k, v, seats, s, headDim) {
		return
	}
	if splits > 1 && parts.Len() < PartsLen(s.Keys, heads, headDim) || splits > mostGroups {
		r.Misfit("attention_split", "%v holds no row of %d keys", parts, s.Keys)
		return
	}
	set, _ := headSet(headDim)
	shared := heads / kvHeads
	perQuery := 2 * float64(s.Keys) * float64(cols(q))
	for from := s.From; from < s.To; {
		n := r.Fit(min(s.To-from, room), 1, perQuery)
		d := gpu.Dispatch{
			Kernel: variant("attention_split"),
			Params: attentionSplitParams{
				uint32(heads), uint32(shared), uint32(from), uint32(splits), float32(1 / math.Sqrt(float64(headDim))),
			},
			Read:    []gpu.Tensor{q, seats.Rows, seats.Pages},
			Write:   parts,
			Group1:  []gpu.Tensor{k, v},
			Groups:  [3]int{kvHeads * ceil(shared, 4), splits, n},
			Work:    perQuery * float64(n),
			Bytes:   2*gpu.F32.Bytes(n*cols(q)) + 2*uint64(n)*k.Type.Bytes(s.Keys*cols(k)),
			Partial: true,
		}
		d.Kernel.Cache, d.Kernel.Set = k.Type.String(), set
		last := from+n == q.Shape[0]
		if splits == 1 {
			d.Kernel.Set[2] = override("WHOLE", 1)
			d.Write, d.Partial = y, !last
		}
		r.Dispatch(d)
		if splits > 1 {
			d := gpu.Dispatch{
				Kernel:  variant("attention_combine"),
				Params:  attentionCombineParams{uint32(heads), uint32(from), uint32(splits)},
				Read:    []gpu.Tensor{parts, seats.Rows},
				Write:   y,
				Groups:  [3]int{heads, n},
				Work:    float64(n * PartsLen(s.Keys, heads, headDim)),
				Bytes:   gpu.F32.Bytes(n * (PartsLen(s.Keys, heads, headDim) + cols(q))),
				Partial: !last,
			}
			d.Kernel.Set = set
			r.Dispatch(d)
		}
		from += n
	}
}
