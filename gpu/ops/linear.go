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
	LinearBy(r, pick(r, x.Shape[0], x.Shape[0] <= AlikeRows), y, x, w)
}

// pick returns the kernel for n rows of x, each of which is to come out as it
// would alone, or not.
func pick(r *gpu.Recorder, n int, each bool) string {
	switch software := r.Device().Info.Software(); {
	case software && n <= laneRows:
		return "linear_lane"
	case software:
		return "linear_block"
	case each:
		return "linear_vec"
	}
	return "linear_tile"
}

// LinearBy is Linear with the kernel named.
func LinearBy(r *gpu.Recorder, kernel string, y, x gpu.Tensor, w *gpu.Matrix) {
	if cols(y) != w.Rows {
		r.Misfit(kernel, "%s from %s and %v", y.String(), x.String(), w)
		return
	}
	l := linear{kernel: kernel, y: y, x: x, w: w}
	l.record(r)
}

// A linear is a product on its way.
type linear struct {
	kernel string
	output string // what becomes of the sums; "" stores them
	set    [4]shaders.Override
	group2 []gpu.Tensor
	y, x   gpu.Tensor
	w      *gpu.Matrix
}

func (l *linear) record(r *gpu.Recorder) {
	n := l.x.Shape[0]
	if cols(l.x) != l.w.Cols || l.y.Shape[0] != n || l.w.Cols%8 != 0 {
		r.Misfit(l.kernel, "%s from %s and %v", l.y.String(), l.x.String(), l.w)
		return
	}
	for i := range l.w.Shards {
		s, last := &l.w.Shards[i], i+1 == len(l.w.Shards)
		switch l.kernel {
		case "linear_vec":
			l.vec(r, s, last)
		case "linear_lane":
			l.lane(r, s, last)
		case "linear_tile":
			l.tile(r, s, last, 64, 64)
		case "linear_block":
			l.tile(r, s, last, 4, 32)
		default:
			r.Misfit(l.kernel, "it is no linear kernel")
		}
	}
}

// dispatch records what all kernels have in common, for n rows of x.
func (l *linear) dispatch(r *gpu.Recorder, s *gpu.Shard, n int, params any, groups [3]int, partial bool, set [3]shaders.Override) {
	d := gpu.Dispatch{
		Kernel:  shaders.Variant{Kernel: l.kernel, Weights: s.Format, Output: l.output},
		Params:  params,
		Read:    []gpu.Tensor{l.x},
		Write:   l.y,
		Group1:  s.Parts,
		Group2:  l.group2,
		Groups:  groups,
		Work:    float64(n) * float64(l.w.Cols) * float64(s.Rows),
		Partial: partial,
	}
	copy(d.Kernel.Set[copy(d.Kernel.Set[:], set[:]):], l.set[:])
	r.Dispatch(d)
}

// sizes are the parameters that all kernels begin with.
func (l *linear) sizes(s *gpu.Shard) linearVecParams {
	return linearVecParams{uint32(l.w.Cols / 8), uint32(s.Rows), uint32(s.First), uint32(l.w.Rows), uint32(l.x.Shape[0])}
}

// vec records a workgroup for 2 or 4 rows of W and up to 8 of x.
func (l *linear) vec(r *gpu.Recorder, s *gpu.Shard, last bool) {
	n := l.x.Shape[0]
	rows, tokens := 4, 1
	for tokens < min(n, 8) {
		tokens *= 2
	}
	if tokens > 2 {
		rows = 2 // sums stay in registers
	}
	groups := fold(ceil(s.Rows, rows))
	groups[2] = ceil(n, tokens)
	l.dispatch(r, s, n, l.sizes(s), groups, !last, [3]shaders.Override{override("ROWS", rows), override("TOKENS", tokens), override("SUMS", rows*tokens)})
}

// lane records an invocation for 4 or 8 rows of W and up to 4 of x.
func (l *linear) lane(r *gpu.Recorder, s *gpu.Shard, last bool) {
	const width = 8 // LANES of the kernel
	n := l.x.Shape[0]
	rows, tokens := 4, 4
	if n < 4 {
		tokens = min(n, 2)
	}
	if n == 1 && s.Blocks() && s.Rows >= 1024 {
		rows = 8 // what is read of x serves twice as many; less rows keep more cores busy
	}
	groups := fold(ceil(s.Rows, rows*width))
	groups[2] = ceil(n, tokens)
	l.dispatch(r, s, n, l.sizes(s), groups, !last, [3]shaders.Override{override("ROWS", rows), override("TOKENS", tokens)})
}

// tile records tiles of so many rows of W by so many of x, in as many
// dispatches as their work asks for.
func (l *linear) tile(r *gpu.Recorder, s *gpu.Shard, last bool, tileRows, tileTokens int) {
	n := l.x.Shape[0]
	p := l.sizes(s)
	for from := 0; from < n; {
		to := from + r.Fit(n-from, tileTokens, float64(l.w.Cols)*float64(s.Rows))
		l.dispatch(r, s, to-from, linearTileParams{p.Octets, p.Rows, p.First, p.Stride, uint32(from), uint32(to)},
			[3]int{ceil(s.Rows, tileRows), ceil(to-from, tileTokens)}, !last || to < n, [3]shaders.Override{})
		from = to
	}
}
