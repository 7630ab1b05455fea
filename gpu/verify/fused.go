package verify

import (
	"fmt"
	"math"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/gpu/ref"
)

// fusedChecks hold each product that goes on into something to the twins of its
// parts, one after the other.
func fusedChecks() []Check {
	var list []Check
	add := func(kernel, what string, f quant.Format, n int, outlier float32, run func(b *bench, w fused) error) {
		list = append(list, Check{kernel, fmt.Sprintf("%s, %s, %d rows of x, values up to %g", what, f.Name, n, outlier), func(d *gpu.Device) error {
			return on(d, func(b *bench) error { return run(b, newFused(kernel, f, n, outlier)) })
		}})
	}
	qkv := func(typ gpu.Type) func(b *bench, w fused) error {
		return func(b *bench, w fused) error { return fusedQKV(b, w, typ) }
	}
	for _, kernel := range []string{"linear_vec", "linear_subgroup"} {
		some := quant.Formats
		if kernel == "linear_subgroup" {
			some = []quant.Format{quant.Q4_K}
		}
		for _, f := range some {
			add(kernel, "normed, SwiGLU", f, 1, 1, normed(fusedSwiGLU))
		}
		for _, n := range []int{2, 3, 37} {
			add(kernel, "normed, SwiGLU", quant.F16, n, 1e5, normed(fusedSwiGLU))
			add(kernel, "normed, q, k and v", quant.F16, n, 1e5, normed(qkv(gpu.F16)))
		}
	}
	add("linear_vec_ints", "normed, SwiGLU", quant.Q4_0, 5, 1e5, normed(fusedSwiGLU))
	for _, kernel := range []string{"linear_vec", "linear_lane", "linear_tile", "linear_subgroup", "linear_tile_wide", "linear_vec_ints", "linear_tile_ints", "linear_tile_half", "linear_matrices_8", "linear_matrices_16"} {
		some := quant.Formats
		switch kernel {
		case "linear_subgroup", "linear_tile_wide":
			some = some[:0]
		case "linear_vec_ints", "linear_tile_ints", "linear_tile_half", "linear_matrices_8", "linear_matrices_16":
			add(kernel, "added", quant.Q4_0, 5, 1e5, fusedAdd)
			add(kernel, "SwiGLU", quant.Q4_0, 5, 1e5, fusedSwiGLU)
			continue
		}
		for _, f := range some { // how each format reads is the plain products' to check
			add(kernel, "added", f, 1, 1, fusedAdd)
			add(kernel, "SwiGLU", f, 1, 1, fusedSwiGLU)
			add(kernel, "q, k and v, f16", f, 1, 1, qkv(gpu.F16))
		}
		for _, n := range []int{3, 37} {
			add(kernel, "added", quant.F16, n, 1e5, fusedAdd)
			add(kernel, "SwiGLU", quant.F16, n, 1e5, fusedSwiGLU)
			for _, typ := range []gpu.Type{gpu.F16, gpu.F32, gpu.Q8} {
				add(kernel, "q, k and v, "+typ.String(), quant.F16, n, 1e5, qkv(typ))
			}
		}
	}
	return list
}

// A fused is a product to be checked.
type fused struct {
	kernel  string
	f       quant.Format
	n, cols int
	xs      []float32 // [n, cols]
	limit   float64
	seen    []float32 // what the kernel makes of xs
	gain    []float32 // of a norm before the product; none for no norm
}

// normed has a product take its rows normed.
func normed(run func(b *bench, w fused) error) func(b *bench, w fused) error {
	return func(b *bench, w fused) error {
		w.gain = noise(4, w.cols)
		w.seen = ref.RMSNorm(w.xs, w.gain, 1e-5)
		if ops.Rounds(gpu.Way{Kernel: w.kernel}) {
			w.seen = roundedBy(w.kernel, w.seen, w.cols)
		}
		return run(b, w)
	}
}

// input puts the rows on the device.
func (w fused) input(b *bench) ops.Input {
	in := ops.Input{X: b.floats("x", w.xs, w.n, w.cols)}
	if w.gain != nil {
		in.Gain, in.Normed, in.Eps = b.floats("gain", w.gain, w.cols), b.poisoned("normed", w.n, w.cols), 1e-5
	}
	return in
}

func newFused(kernel string, f quant.Format, n int, outlier float32) fused {
	cols := whole(f, 264)
	w := fused{kernel: kernel, f: f, n: n, cols: cols, xs: noise(1, n*cols), limit: exact}
	for i := 5; i < len(w.xs); i += 97 {
		w.xs[i] *= outlier
	}
	if f.Codec != nil {
		w.limit = scaled
	}
	w.seen = w.xs
	if ops.Rounds(gpu.Way{Kernel: kernel}) {
		w.limit, w.seen = rounded, roundedBy(kernel, w.xs, cols)
	}
	return w
}

func fusedAdd(b *bench, w fused) error {
	rows := 67 // odd: the last row has no neighbour
	if w.kernel == "linear_tile" {
		rows++ // ops.Add takes quads
	}
	m, seen := b.matrix(w.f, noise(2, rows*w.cols), w.cols)
	want := noise(3, w.n*rows)
	x, y, delta := b.floats("x", w.xs, w.n, w.cols), b.floats("y", want, w.n, rows), b.poisoned("delta", w.n, rows)
	got := b.result(y, func(r *gpu.Recorder) { ops.LinearAddBy(r, gpu.Way{Kernel: w.kernel}, y, x, m, delta) })
	if b.err != nil {
		return b.err
	}
	ref.Add(want, ref.Linear(w.seen, seen, w.cols))
	return near(got, want, w.limit)
}

func fusedSwiGLU(b *bench, w fused) error {
	const rows = 2 * 71
	m, seen := b.matrix(w.f, noise(2, rows*w.cols), w.cols)
	in, y, pairs := w.input(b), b.poisoned("y", w.n, rows/2), b.poisoned("pairs", w.n, rows)
	got := b.result(y, func(r *gpu.Recorder) { ops.LinearSwiGLUBy(r, gpu.Way{Kernel: w.kernel}, y, in, m, pairs) })
	if b.err != nil {
		return b.err
	}
	all := ref.Linear(w.seen, seen, w.cols)
	return near(got, ref.SwiGLU(ref.Columns(all, rows, 0, 2, rows/2), ref.Columns(all, rows, 1, 2, rows/2)), w.limit)
}

const ( // of the products into q, k and v
	qHeads, kvHeads, headDim = 4, 2, 16
	qWidth, kvWidth          = qHeads * headDim, kvHeads * headDim
)

func fusedQKV(b *bench, w fused, typ gpu.Type) error {
	// Two matrices, of two formats, stacked, as they come in mixed files.
	wq, seenQ := b.matrix(w.f, noise(2, (qWidth+kvWidth)*w.cols), w.cols)
	wv, seenV := b.matrix(quant.F32, noise(3, kvWidth*w.cols), w.cols)
	in, qkv := w.input(b), b.poisoned("qkv", w.n, qWidth+2*kvWidth)
	s := newSeated(b, w.n, typ)
	b.run(func(r *gpu.Recorder) {
		ops.LinearQKVBy(r, gpu.Way{Kernel: w.kernel}, &s.heads, in, gpu.Stack("wqkv", wq, wv), qkv)
	})
	return s.near(b, ref.Linear(w.seen, append(seenQ, seenV...), w.cols), 0, w.limit)
}

// A seated is where rows of q, k and v go: a cache, in no order.
type seated struct {
	heads         ops.Heads
	places        []uint32
	turns         []float32 // [n, headDim/2, 2]
	positions     int
	cacheRounding float64
}

func newSeated(b *bench, n int, typ gpu.Type) *seated {
	s := &seated{positions: n + 5, cacheRounding: map[gpu.Type]float64{gpu.F32: 0, gpu.F16: 1e-6, gpu.Q8: 1e-4}[typ]}
	table := make([]float32, (n+3)*headDim)
	for i := range len(table) / 2 {
		sin, cos := math.Sincos(float64(i) * 0.37)
		table[2*i], table[2*i+1] = float32(cos), float32(sin)
	}
	rows := make([]ops.Seat, n)
	for i := range rows {
		angle, place := n+1-i, s.positions-1-i
		rows[i] = ops.Seat{Angle: uint32(angle), Place: uint32(place)}
		s.places = append(s.places, uint32(place))
		s.turns = append(s.turns, table[angle*headDim:(angle+1)*headDim]...)
	}
	s.heads = ops.Heads{
		Q: b.poisoned("q", n, qWidth), Table: b.floats("table", table, n+3, headDim/2, 2), HeadDim: headDim, Seats: b.seats(rows, nil),
		Keys: b.keep(b.d.New("keys", typ, s.positions, kvWidth)), Values: b.keep(b.d.New("values", typ, s.positions, kvWidth)),
	}
	return s
}

// whole makes s one that is written in whole texels, where the device has them.
func (s *seated) whole(b *bench) {
	typ := s.heads.Keys.Type
	s.heads.Q = b.keep(b.d.NewTexels("q", gpu.F32, s.heads.Q.Shape...))
	s.heads.Keys = b.keep(b.d.NewTexels("keys", typ, s.positions, kvWidth))
	s.heads.Values = b.keep(b.d.NewTexels("values", typ, s.positions, kvWidth))
}

// near compares what became of the rows of all from the given one on.
func (s *seated) near(b *bench, all []float32, from int, limit float64) error {
	const width = qWidth + 2*kvWidth
	read := func(t gpu.Tensor) (got []float32) {
		if b.err == nil {
			got, b.err = b.d.Floats(t)
		}
		return got
	}
	q, keys, values := read(s.heads.Q), read(s.heads.Keys), read(s.heads.Values)
	if b.err != nil {
		return b.err
	}
	all, turns := all[from*width:], s.turns[from*headDim:]
	wantKeys, wantValues := make([]float32, s.positions*kvWidth), make([]float32, s.positions*kvWidth)
	ref.Append(wantKeys, ref.Rotate(ref.Columns(all, width, qWidth, 1, kvWidth), turns, 0, kvHeads, headDim), s.places[from:], kvWidth)
	ref.Append(wantValues, ref.Columns(all, width, qWidth+kvWidth, 1, kvWidth), s.places[from:], kvWidth)
	if s.heads.Keys.Type == gpu.F16 {
		saturate(wantKeys)
		saturate(wantValues)
	}
	if err := near(q[from*qWidth:], ref.Rotate(ref.Columns(all, width, 0, 1, qWidth), turns, 0, qHeads, headDim), limit); err != nil {
		return fmt.Errorf("queries: %w", err)
	}
	if err := near(keys, wantKeys, limit+s.cacheRounding); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	if err := near(values, wantValues, limit+s.cacheRounding); err != nil {
		return fmt.Errorf("values: %w", err)
	}
	return nil
}

// saturate is what becomes of values that half floats cannot hold.
func saturate(v []float32) {
	for i := range v {
		v[i] = min(max(v[i], -65504), 65504)
	}
}

func spreadChecks() []Check {
	var list []Check
	for _, typ := range []gpu.Type{gpu.F32, gpu.F16, gpu.Q8} {
		for _, n := range []int{1, 19, 20} {
			list = append(list, Check{"spread", fmt.Sprint(typ, " ", n), func(d *gpu.Device) error {
				return on(d, func(b *bench) error {
					all := noise(1, n*(qWidth+2*kvWidth))
					all[len(all)-1] = 1e5
					qkv, s, from := b.floats("qkv", all, n, qWidth+2*kvWidth), newSeated(b, n, typ), n/3
					if n == 20 {
						s.whole(b)
					}
					b.run(func(r *gpu.Recorder) { ops.Spread(r, &s.heads, qkv, from, n) })
					return s.near(b, all, from, exact)
				})
			}})
		}
	}
	return list
}

func columnsChecks() []Check {
	list := []Check{{"swiglu_pairs", "3 rows of 130", func(d *gpu.Device) error {
		return on(d, func(b *bench) error {
			xs := noise(1, 3*260)
			xs[0], xs[2], xs[4] = 1e5, -1e5, 100
			x, y := b.floats("x", xs, 3, 260), b.poisoned("y", 3, 130)
			got := b.result(y, func(r *gpu.Recorder) { ops.SwiGLUPairs(r, y, x) })
			if b.err != nil {
				return b.err
			}
			return near(got, ref.SwiGLU(ref.Columns(xs, 2, 0, 1, 1), ref.Columns(xs, 2, 1, 1, 1)), exact)
		})
	}}}
	for _, c := range [][4]int{{260, 0, 1, 260}, {260, 70, 1, 33}, {260, 1, 2, 130}} { // columns, first, step, taken
		list = append(list, Check{"columns", fmt.Sprint(c), func(d *gpu.Device) error {
			return on(d, func(b *bench) error {
				xs := noise(1, 3*c[0])
				x, y := b.floats("x", xs, 3, c[0]), b.poisoned("y", 3, c[3])
				got := b.result(y, func(r *gpu.Recorder) { ops.Columns(r, y, x, c[1], c[2]) })
				if b.err != nil {
					return b.err
				}
				return near(got, ref.Columns(xs, c[0], c[1], c[2], c[3]), 0)
			})
		}})
	}
	return list
}
