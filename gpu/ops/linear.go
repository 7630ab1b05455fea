package ops

import (
	"cmp"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/shaders"
)

type linearVecParams struct{ Octets, Rows, First, Stride, Tokens uint32 }

type linearNormParams struct {
	Octets, Rows, First, Stride, Tokens uint32
	Eps                                 float32
}

type linearTileParams struct{ Octets, Rows, First, Stride, Begin, Until uint32 }

type linearLaneParams struct{ Octets, Rows, First, Stride, Begin, Until, Skip uint32 }

const (
	// AlikeRows is up to how many rows of x a product is the same to the bit for
	// each row, whatever other rows there are. On a software adapter there is no bound.
	AlikeRows = 32
)

// Linear records y = x · Wᵀ. x: [n, w.Cols]; y: [n, w.Rows]; w.Cols a multiple
// of 8. Up to AlikeRows rows take linear_vec, more of them linear_tile; where the
// adapter is software, all take linear_lane; or what the device prefers.
func Linear(r *gpu.Recorder, y, x gpu.Tensor, w *gpu.Matrix) {
	LinearBy(r, pick(r, w, x.Shape[0], x.Shape[0] <= AlikeRows), y, x, w)
}

// LinearBy is Linear with the way named.
func LinearBy(r *gpu.Recorder, way gpu.Way, y, x gpu.Tensor, w *gpu.Matrix) {
	LinearInputBy(r, way, y, Input{X: x}, w)
}

// A linear is a product on its way.
type linear struct {
	gpu.Way
	input  string     // how rows of x are taken; "" as they are
	gain   gpu.Tensor // of a norm
	eps    float32
	output string // what becomes of the sums; "" stores them
	lanes  string // how lanes come by what all of them read; "" each by itself
	set    [4]shaders.Override
	group2 [4]gpu.Tensor // of which the output takes so many
	takes  int
	y, x   gpu.Tensor
	w      *gpu.Matrix
}

func (l *linear) record(r *gpu.Recorder) {
	n := l.x.Shape[0]
	if cols(l.x) != l.w.Cols || l.y.Shape[0] != n || l.w.Cols%8 != 0 {
		r.Misfit(l.Kernel, "%s from %s and %v", l.y.String(), l.x.String(), l.w)
		return
	}
	switch {
	case integers(l.Kernel):
		l.quantize(r)
	case halves(l.Kernel):
		l.halve(r)
	}
	for i := range l.w.Shards {
		s, last := &l.w.Shards[i], i+1 == len(l.w.Shards)
		switch l.Kernel {
		case "linear_vec", "linear_vec_ints":
			l.vec(r, s, last)
		case "linear_lane":
			l.lane(r, s, last)
		case "linear_tile", "linear_tile_ints", "linear_matrices_8", "linear_matrices_16":
			l.tile(r, s, last, 64, 64)
		case "linear_tile_wide", "linear_tile_half":
			l.tile(r, s, last, 128, 128)
		case "linear_subgroup":
			l.subgroup(r, s, last)
		default:
			r.Misfit(l.Kernel, "it is no linear kernel")
		}
	}
}

// dispatch records what all kernels have in common, for n rows of x.
func (l *linear) dispatch(r *gpu.Recorder, s *gpu.Shard, n int, params any, groups [3]int, partial bool, set [4]shaders.Override) {
	d := gpu.Dispatch{
		Kernel:  shaders.Variant{Kernel: l.Kernel, Weights: s.Format, Input: l.input, Output: l.output, Lanes: l.lanes},
		Params:  params,
		Read:    []gpu.Tensor{l.x},
		Write:   l.y,
		Group1:  s.Parts,
		Groups:  groups,
		Work:    float64(n) * float64(l.w.Cols) * float64(s.Rows),
		Partial: partial,
	}
	if l.takes > 0 {
		d.Group2 = []gpu.Tensor{l.group2[0], l.group2[1], l.group2[2], l.group2[3]}[:l.takes] // a slice of l's own would put l on the heap
	}
	if l.input != "" {
		d.Group3 = []gpu.Tensor{l.gain}
	}
	at := copy(d.Kernel.Set[:], set[:])
	if l.Lanes > 0 {
		d.Kernel.Set[len(set)-1] = override("WG", l.Lanes)
	}
	copy(d.Kernel.Set[at:], l.set[:])
	r.Dispatch(d)
}

// sizes are the parameters that all kernels begin with.
func (l *linear) sizes(s *gpu.Shard) linearVecParams {
	return linearVecParams{uint32(l.w.Cols / 8), uint32(s.Rows), uint32(s.First), uint32(l.w.Rows), uint32(l.x.Shape[0])}
}

// normed are those of kernels that can norm the rows of x.
func (l *linear) normed(s *gpu.Shard) linearNormParams {
	p := l.sizes(s)
	return linearNormParams{p.Octets, p.Rows, p.First, p.Stride, p.Tokens, l.eps}
}

// vec records a workgroup for 2 or 4 rows of W and up to 8 of x.
func (l *linear) vec(r *gpu.Recorder, s *gpu.Shard, last bool) {
	n := l.x.Shape[0]
	rows, tokens := cmp.Or(l.Rows, 4), 1
	for tokens < min(n, 8) {
		tokens *= 2
	}
	if tokens > 2 {
		rows = 2 // sums stay in registers
	}
	groups := fold(ceil(s.Rows, rows))
	groups[2] = ceil(n, tokens)
	set := [4]shaders.Override{override("ROWS", rows), override("TOKENS", tokens), override("SUMS", rows*tokens)}
	switch {
	case integers(l.Kernel):
		l.dispatch(r, s, n, l.sizes(s), groups, !last, set)
	case l.input != "":
		set[2] = override("SUMS", (rows+1)*tokens)
		fallthrough
	default:
		l.dispatch(r, s, n, l.normed(s), groups, !last, set)
	}
}

// subgroup records a subgroup for 2 or more rows of W and up to 8 of x. A
// workgroup has rows enough for its subgroups where they are 8 wide, the least
// there is.
func (l *linear) subgroup(r *gpu.Recorder, s *gpu.Shard, last bool) {
	n := l.x.Shape[0]
	rows, tokens, wg := cmp.Or(l.Rows, 2), 1, cmp.Or(l.Lanes, lanes)
	for tokens < min(n, 8) {
		tokens *= 2
	}
	if tokens > 2 {
		rows = 2
	}
	span := rows * wg / 8
	groups := fold(ceil(s.Rows, span))
	groups[2] = ceil(n, tokens)
	l.dispatch(r, s, n, l.normed(s), groups, !last, [4]shaders.Override{override("ROWS", rows), override("TOKENS", tokens), override("SPAN", span)})
}

// lane records an invocation for 4 or 8 rows of W and up to 8 of x, in as many
// dispatches as their work asks for.
func (l *linear) lane(r *gpu.Recorder, s *gpu.Shard, last bool) {
	const width = 8 // LANES of the kernel
	if r.Device().Has("subgroup") {
		l.lanes = "subgroup"
	}
	n := l.x.Shape[0]
	rows, alike := 4, 8
	switch {
	case s.Rows < 1024:
		alike = 4 // less keeps more cores busy, and compiles sooner
	case l.lanes == "":
		rows, alike = 8, 4 // what is read of x serves twice as many
	}
	tokens := 1
	for tokens < min(n, alike) {
		tokens *= 2
	}
	set := [4]shaders.Override{override("ROWS", rows), override("TOKENS", tokens)}
	if pairs(s.Format) && l.w.Cols%64 == 0 {
		set[2] = override("BLOCKS", 2)
	}
	p, x, skip := l.sizes(s), l.x, 0
	stage, most, err := r.Device().Stage(l.w.Cols)
	r.Fail(err)
	for from := 0; from < n; {
		to := from + r.Fit(n-from, tokens, float64(l.w.Cols)*float64(s.Rows))
		if most > 0 {
			to, skip, l.x = min(to, from+most), from, stage
			r.CopyRows(stage, 0, x, from, to-from)
		}
		groups := fold(ceil(s.Rows, rows*width))
		groups[2] = ceil(to-from, tokens)
		l.dispatch(r, s, to-from, linearLaneParams{p.Octets, p.Rows, p.First, p.Stride, uint32(from), uint32(to), uint32(skip)},
			groups, !last || to < n, set)
		from = to
	}
	l.x = x
}

// pairs reports whether two blocks of a format share a word of scales.
func pairs(format string) bool { return format == "q8_0" || format == "q4_0" || format == "q5_0" }

// tile records tiles of so many rows of W by so many of x, in as many
// dispatches as their work asks for.
func (l *linear) tile(r *gpu.Recorder, s *gpu.Shard, last bool, tileRows, tileTokens int) {
	n := l.x.Shape[0]
	p := l.sizes(s)
	for from := 0; from < n; {
		to := from + r.Fit(n-from, tileTokens, float64(l.w.Cols)*float64(s.Rows))
		l.dispatch(r, s, to-from, linearTileParams{p.Octets, p.Rows, p.First, p.Stride, uint32(from), uint32(to)},
			[3]int{ceil(s.Rows, tileRows), ceil(to-from, tileTokens)}, !last || to < n, [4]shaders.Override{})
		from = to
	}
}
