package ops

import (
	"pixtral-wgpu/gpu"
	"pixtral-wgpu/shaders"
)

type linearVecParams struct{ Octets, Rows, First, Stride, Tokens uint32 }

type linearTileParams struct{ Octets, Rows, First, Stride, Begin, Until uint32 }

const (
	// AlikeRows is up to how many rows of x a product is the same to the bit for
	// each row, whatever other rows there are. On a software adapter there is no bound.
	AlikeRows = 32

	laneRows = 12 // up to how many rows of x linear_lane beats linear_block
)

// Linear records y = x · Wᵀ. x: [n, w.Cols]; y: [n, w.Rows]; w.Cols a multiple
// of 8. Up to AlikeRows rows take linear_vec, more of them linear_tile; where the
// adapter is software, linear_lane and linear_block.
func Linear(r *gpu.Recorder, y, x gpu.Tensor, w *gpu.Matrix) {
	n := x.Shape[0]
	kernel := "linear_tile"
	switch software := r.Device().Info.Software(); {
	case software && n <= laneRows:
		kernel = "linear_lane"
	case software:
		kernel = "linear_block"
	case n <= AlikeRows:
		kernel = "linear_vec"
	}
	LinearBy(r, kernel, y, x, w)
}

// LinearBy is Linear with the kernel named.
func LinearBy(r *gpu.Recorder, kernel string, y, x gpu.Tensor, w *gpu.Matrix) {
	n := x.Shape[0]
	if cols(x) != w.Cols || y.Shape[0] != n || cols(y) != w.Rows || w.Cols%8 != 0 {
		r.Misfit(kernel, "%v from %v and %v", y, x, w)
		return
	}
	for i, s := range w.Shards {
		l := linear{kernel: kernel, y: y, x: x, w: w, shard: s, last: i+1 == len(w.Shards)}
		switch kernel {
		case "linear_vec":
			l.vec(r)
		case "linear_lane":
			l.lane(r)
		case "linear_tile":
			l.tile(r, 64, 64)
		case "linear_block":
			l.tile(r, 4, 32)
		default:
			r.Misfit(kernel, "it is no linear kernel")
		}
	}
}

// A linear is the product with one shard.
type linear struct {
	kernel string
	y, x   gpu.Tensor
	w      *gpu.Matrix
	shard  gpu.Shard
	last   bool
}

// dispatch returns what all kernels have in common, for so many rows of x.
func (l linear) dispatch(n int, params any, groups [3]int, set ...shaders.Override) gpu.Dispatch {
	d := gpu.Dispatch{
		Kernel:  shaders.Variant{Kernel: l.kernel, Weights: l.w.Format},
		Params:  params,
		Read:    []gpu.Tensor{l.x},
		Write:   l.y,
		Group1:  l.shard.Parts,
		Groups:  groups,
		Work:    float64(n) * float64(l.w.Cols) * float64(l.shard.Rows),
		Partial: !l.last,
	}
	copy(d.Kernel.Set[:], set)
	return d
}

// sizes are the parameters that all kernels begin with.
func (l linear) sizes() linearVecParams {
	return linearVecParams{
		uint32(l.w.Cols / 8), uint32(l.shard.Rows), uint32(l.shard.First), uint32(l.w.Rows), uint32(l.x.Shape[0]),
	}
}

// vec records a workgroup for 2 or 4 rows of W and up to 8 of x.
func (l linear) vec(r *gpu.Recorder) {
	n := l.x.Shape[0]
	rows, tokens := 4, 1
	for tokens < min(n, 8) {
		tokens *= 2
	}
	if tokens > 2 {
		rows = 2 // sums stay in registers
	}
	groups := fold(ceil(l.shard.Rows, rows))
	groups[2] = ceil(n, tokens)
	r.Dispatch(l.dispatch(n, l.sizes(), groups, override("ROWS", rows), override("TOKENS", tokens), override("SUMS", rows*tokens)))
}

// lane records an invocation for 4 or 8 rows of W and up to 4 of x.
func (l linear) lane(r *gpu.Recorder) {
	const width = 8 // LANES of the kernel
	n := l.x.Shape[0]
	rows, tokens := 4, 4
	if n < 4 {
		tokens = min(n, 2)
	}
	if n == 1 && l.w.Blocks() && l.shard.Rows >= 1024 {
		rows = 8 // what is read of x serves twice as many; less rows keep more cores busy
	}
	groups := fold(ceil(l.shard.Rows, rows*width))
	groups[2] = ceil(n, tokens)
	r.Dispatch(l.dispatch(n, l.sizes(), groups, override("ROWS", rows), override("TOKENS", tokens)))
}

// tile records tiles of so many rows of W by so many of x, in as many
// dispatches as their work asks for.
func (l linear) tile(r *gpu.Recorder, tileRows, tileTokens int) {
	n := l.x.Shape[0]
	p := l.sizes()
	for from := 0; from < n; {
		to := from + r.Fit(n-from, tileTokens, float64(l.w.Cols)*float64(l.shard.Rows))
		d := l.dispatch(to-from, linearTileParams{p.Octets, p.Rows, p.First, p.Stride, uint32(from), uint32(to)},
			[3]int{ceil(l.shard.Rows, tileRows), ceil(to-from, tileTokens)})
		d.Partial = d.Partial || to < n
		r.Dispatch(d)
		from = to
	}
}
