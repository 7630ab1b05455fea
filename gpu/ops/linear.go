package ops

import (
	"pixtral-wgpu/gpu"
	"pixtral-wgpu/shaders"
)

type linearVecParams struct{ Octets, Rows, First, Stride uint32 }

type linearTileParams struct{ Octets, Rows, First, Stride, Begin, Until uint32 }

// vecRows is up to how many rows of x linear_vec beats the tiled kernels.
const vecRows = 4

// Linear records y = x · Wᵀ. x: [n, w.Cols]; y: [n, w.Rows]; w.Cols a multiple
// of 8. A few rows take linear_vec, many linear_tile; where the adapter is
// software, linear_lane and linear_block.
func Linear(r *gpu.Recorder, y, x gpu.Tensor, w *gpu.Matrix) {
	kernels := [2]string{"linear_vec", "linear_tile"}
	if r.Device().Info.Software() {
		kernels = [2]string{"linear_lane", "linear_block"}
	}
	if x.Shape[0] <= vecRows {
		LinearBy(r, kernels[0], y, x, w)
	} else {
		LinearBy(r, kernels[1], y, x, w)
	}
}

// LinearBy is Linear with the kernel named.
func LinearBy(r *gpu.Recorder, kernel string, y, x gpu.Tensor, w *gpu.Matrix) {
	n := x.Shape[0]
	if cols(x) != w.Cols || y.Shape[0] != n || cols(y) != w.Rows || w.Cols%8 != 0 {
		r.Misfit(kernel, "%v from %v and %v", y, x, w)
		return
	}
	for i, s := range w.Shards {
		last := i+1 == len(w.Shards)
		switch kernel {
		case "linear_vec":
			linearVec(r, kernel, 1, y, x, w, s, last)
		case "linear_lane":
			linearVec(r, kernel, 8, y, x, w, s, last)
		case "linear_tile":
			linearTile(r, kernel, 64, 64, y, x, w, s, last)
		case "linear_block":
			linearTile(r, kernel, 4, 32, y, x, w, s, last)
		default:
			r.Misfit(kernel, "it is no linear kernel")
		}
	}
}

// linearVec records so many rows of W a workgroup, one row of x.
func linearVec(r *gpu.Recorder, kernel string, height int, y, x gpu.Tensor, w *gpu.Matrix, s gpu.Shard, last bool) {
	groups := fold(ceil(s.Rows, height))
	groups[1], groups[2] = max(groups[1], 1), x.Shape[0]
	r.Dispatch(gpu.Dispatch{
		Kernel:  shaders.Variant{Kernel: kernel, Weights: w.Format},
		Params:  linearVecParams{uint32(w.Cols / 8), uint32(s.Rows), uint32(s.First), uint32(w.Rows)},
		Read:    []gpu.Tensor{x},
		Write:   y,
		Group1:  s.Parts,
		Groups:  groups,
		Work:    float64(x.Len()) * float64(s.Rows),
		Partial: !last,
	})
}

// linearTile records tiles of so many rows of W by so many of x, in as many
// dispatches as their work asks for.
func linearTile(r *gpu.Recorder, kernel string, tileRows, tileTokens int, y, x gpu.Tensor, w *gpu.Matrix, s gpu.Shard, last bool) {
	n := x.Shape[0]
	perToken := float64(w.Cols) * float64(s.Rows)
	for from := 0; from < n; {
		to := from + r.Fit(n-from, tileTokens, perToken)
		r.Dispatch(gpu.Dispatch{
			Kernel: shaders.Variant{Kernel: kernel, Weights: w.Format},
			Params: linearTileParams{
				uint32(w.Cols / 8), uint32(s.Rows), uint32(s.First), uint32(w.Rows), uint32(from), uint32(to),
			},
			Read:    []gpu.Tensor{x},
			Write:   y,
			Group1:  s.Parts,
			Groups:  [3]int{ceil(s.Rows, tileRows), ceil(to-from, tileTokens)},
			Work:    perToken * float64(to-from),
			Partial: !last || to < n,
		})
		from = to
	}
}
