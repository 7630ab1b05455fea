package ops

import (
	"pixtral-wgpu/gpu"
	"pixtral-wgpu/shaders"
)

type embedParams struct{ Octets, N, First, Rows uint32 }

// Embed records y[t] = table[tokens[t]]. tokens: [n] u32, each below
// table.Rows; y: [n, table.Cols].
func Embed(r *gpu.Recorder, y, tokens gpu.Tensor, table *gpu.Matrix) {
	n := tokens.Len()
	if y.Shape[0] != n || cols(y) != table.Cols || table.Cols%8 != 0 || tokens.Type != gpu.U32 {
		r.Misfit("embed", "%v from %v and %v", y, tokens, table)
		return
	}
	octets := table.Cols / 8
	for i, s := range table.Shards {
		each(r, "embed", n*octets, gpu.Dispatch{
			Kernel:  shaders.Variant{Weights: s.Format},
			Params:  embedParams{uint32(octets), uint32(n), uint32(s.First), uint32(s.Rows)},
			Read:    []gpu.Tensor{tokens},
			Write:   y,
			Group1:  s.Parts,
			Bytes:   2 * y.Bytes(),
			Partial: i+1 < len(table.Shards),
		})
	}
}
