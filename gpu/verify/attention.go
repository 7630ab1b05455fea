package verify

import (
	"fmt"
	"slices"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/ref"
)

type attentionCase struct {
	queries, keys, spare int // spare rows of the cache, poisoned
	heads, kvHeads, dim  int
	causal               bool
	base                 int
	typ                  gpu.Type
	outlier, queryScale  float32
	all                  float32 // what everything is, if it is not 0
}

func attentionChecks() []Check {
	cases := []attentionCase{
		{queries: 1, keys: 1, heads: 1, kvHeads: 1, dim: 8},                                              // the least there is
		{queries: 1, keys: 65, spare: 30, heads: 4, kvHeads: 2, dim: 16, causal: true, base: 64},         // one more key than lanes
		{queries: 3, keys: 130, heads: 8, kvHeads: 2, dim: 128, causal: true, base: 127},                 // Pixtral's heads
		{queries: 17, keys: 17, heads: 3, kvHeads: 3, dim: 24},                                           // an image; heads off a power of two
		{queries: 33, keys: 100, spare: 4, heads: 4, kvHeads: 1, dim: 64, causal: true, base: 67},        // a second chunk
		{queries: 70, keys: 70, heads: 2, kvHeads: 2, dim: 64},                                           // an image of Pixtral's encoder
		{queries: 40, keys: 40, heads: 2, kvHeads: 1, dim: 160, causal: true},                            // wide heads
		{queries: 20, keys: 50, heads: 2, kvHeads: 1, dim: 32, causal: true, base: 30, outlier: 1e5},     // values that half floats can't hold
		{queries: 20, keys: 50, heads: 2, kvHeads: 1, dim: 32, causal: true, base: 30, queryScale: 1000}, // scores far apart
	}
	var list []Check
	for _, kernel := range []string{"attention_vec", "attention_tile"} {
		for _, c := range inCaches(cases) {
			list = append(list, Check{kernel, c.String(), func(d *gpu.Device) error {
				return on(d, func(b *bench) error { return attention(b, gpu.Way{Kernel: kernel}, c) })
			}})
		}
	}
	for _, kernel := range []string{"attention_vec", "attention_split"} {
		for _, typ := range caches {
			list = append(list, Check{kernel, fmt.Sprintf("%v of many sequences", typ), func(d *gpu.Device) error {
				return on(d, func(b *bench) error { return attentionOfMany(b, gpu.Way{Kernel: kernel}, typ) })
			}})
		}
	}
	return list
}

// caches are what keys and values are kept as.
var caches = []gpu.Type{gpu.F32, gpu.F16, gpu.Q8}

// inCaches returns cases in each type of cache that has whole blocks of them.
func inCaches(cases []attentionCase) (list []attentionCase) {
	for _, typ := range caches {
		for _, c := range cases {
			if c.typ = typ; typ != gpu.Q8 || c.kvHeads*c.dim%32 == 0 {
				list = append(list, c)
			}
		}
	}
	return list
}

func (c attentionCase) String() string {
	type plain attentionCase
	return fmt.Sprintf("%v %+v", c.typ, plain(c))
}

// splitCases are the splits of attention_split, which attention_combine adds up.
var splitCases = []attentionCase{
	{queries: 1, keys: 1, heads: 1, kvHeads: 1, dim: 8},                                               // the least there is
	{queries: 2, keys: 129, heads: 8, kvHeads: 2, dim: 128, causal: true, base: 127},                  // a row with one split, one with a key in the second
	{queries: 3, keys: 700, heads: 10, kvHeads: 2, dim: 24, causal: true, base: 697},                  // five heads to a key head; heads off a power of two
	{queries: 1, keys: 9000, heads: 2, kvHeads: 1, dim: 16, causal: true, base: 8999},                 // more splits than lanes
	{queries: 2, keys: 300, heads: 2, kvHeads: 1, dim: 256, base: 298},                                // the widest heads
	{queries: 5, keys: 400, heads: 2, kvHeads: 1, dim: 32, causal: true, base: 395, outlier: 1e5},     // values that half floats can't hold
	{queries: 5, keys: 400, heads: 2, kvHeads: 1, dim: 32, causal: true, base: 395, queryScale: 1000}, // scores far apart
}

func splitChecks() []Check {
	split := gpu.Way{Kernel: "attention_split"}
	var list []Check
	for _, c := range inCaches(splitCases) {
		kernel := "attention_combine"
		if c.keys <= 128 {
			kernel = "attention_split"
		}
		list = append(list, Check{kernel, c.String(), func(d *gpu.Device) error {
			return on(d, func(b *bench) error { return attention(b, split, c) })
		}})
	}
	return append(list, Check{"attention_split", "rows of few keys equal to themselves beside many", func(d *gpu.Device) error {
		return on(d, func(b *bench) error { return splitAlike(b, split, gpu.F32) })
	}})
}

// queries uploads queries as attention reads them.
func (b *bench) queries(data []float32, shape ...int) gpu.Tensor {
	q := b.keep(b.d.NewTexels("q", gpu.F32, shape...))
	if b.err == nil {
		b.err = b.d.WriteFloats(q, data)
	}
	return q
}

// attend records attention by a way, with memory for parts of two rows.
func (b *bench) attend(w gpu.Way, y, q, k, v gpu.Tensor, seats ops.Seats, s ops.Stretch, dim int) []float32 {
	parts := b.poisoned("parts", 2*ops.PartsLen(s.Keys, q.Len()/q.Shape[0]/dim, dim))
	return b.result(y, func(r *gpu.Recorder) { ops.AttentionBy(r, w, y, q, k, v, parts, seats, s, dim) })
}

// splitAlike compares a row of 100 keys alone, which needs no parts, with the
// same beside a row of 1000, to the bit.
func splitAlike(b *bench, w gpu.Way, typ gpu.Type) error {
	c := attentionCase{keys: 1000, heads: 4, kvHeads: 2, dim: 32, typ: typ}
	rows, _ := ops.InOrder(0, 2, true)
	_, pages := ops.InOrder(0, c.keys, true)
	p := pageOut(pages)
	rows[0].Seen, rows[1].Seen = 100, uint32(c.keys)
	width := c.heads * c.dim
	qs := noise(1, 2*width)
	k, _ := b.paged("k", noise(2, c.keys*c.kvHeads*c.dim), p, c)
	v, _ := b.paged("v", noise(3, c.keys*c.kvHeads*c.dim), p, c)
	var got [2][]float32
	for i, seen := range []int{100, c.keys} {
		q, y := b.queries(qs[:(i+1)*width], i+1, width), b.poisoned("y", i+1, width)
		got[i] = b.attend(w, y, q, k, v, b.seats(rows[:i+1], p.pages), ops.Stretch{To: i + 1, Keys: seen, Each: true}, c.dim)
	}
	if b.err == nil && !slices.Equal(got[0], got[1][:width]) {
		return fmt.Errorf("the row is another beside a longer one")
	}
	return b.err
}

func attention(b *bench, w gpu.Way, c attentionCase) error {
	if !ops.Holds(b.d, w, c.dim) {
		return nil // nothing chooses the way for such heads
	}
	qs := noise(1, c.queries*c.heads*c.dim)
	ks, vs := noise(2, c.keys*c.kvHeads*c.dim), noise(3, c.keys*c.kvHeads*c.dim)
	if c.queryScale > 0 {
		for i := range qs {
			qs[i] *= c.queryScale
		}
	}
	if c.all > 0 {
		for _, xs := range [][]float32{qs, ks, vs} {
			for i := range xs {
				xs[i] = c.all
			}
		}
	}
	if c.outlier > 0 {
		qs[3], ks[len(ks)-5] = c.outlier, c.outlier
		vs[7], vs[len(vs)-3] = c.outlier, -c.outlier
	}
	q, y := b.queries(qs, c.queries, c.heads*c.dim), b.poisoned("y", c.queries, c.heads*c.dim)
	rows, pages := ops.InOrder(c.base, c.queries, !c.causal)
	p := pageOut(pages)
	seats := b.seats(rows, p.pages)
	k, ks := b.paged("k", ks, p, c)
	v, vs := b.paged("v", vs, p, c)
	got := b.attend(w, y, q, k, v, seats, ops.Stretch{To: c.queries, Keys: c.keys}, c.dim)
	if b.err != nil {
		return b.err
	}
	want, limit := attended(w, c, qs, ks, vs)
	return near(got, want, limit)
}

// A layout is where the pages of a sequence lie: in no order, with others between.
type layout struct {
	pages     []uint32
	positions int // of the cache
}

func pageOut(pages []uint32) layout {
	l := layout{positions: (2*len(pages) + 1) * ops.Page}
	for i := range pages {
		l.pages = append(l.pages, uint32(2*(len(pages)-1-i)+1))
	}
	return l
}

// paged uploads keys or values by ops.Append into a poisoned cache, and returns
// them as the kernel reads them.
func (b *bench) paged(name string, data []float32, l layout, c attentionCase) (gpu.Tensor, []float32) {
	width := c.kvHeads * c.dim
	poison := make([]float32, l.positions*width)
	for i := range poison {
		poison[i] = 60000
	}
	t := b.keep(b.d.NewTexels(name, c.typ, l.positions, width))
	all, x := b.floats(name, poison, l.positions, width), b.floats(name, data, c.keys, width)
	seats := make([]ops.Seat, c.keys)
	for i := range seats {
		seats[i].Place = l.pages[i/ops.Page]*ops.Page + uint32(i%ops.Page)
	}
	everywhere, places := b.inOrder(0, l.positions, true), b.seats(seats, nil)
	b.run(func(r *gpu.Recorder) {
		ops.Append(r, t, all, everywhere, 0, l.positions)
		ops.Append(r, t, x, places, 0, c.keys)
	})
	if b.err != nil {
		return t, data
	}
	cache, err := b.d.Floats(t)
	if b.err = err; err != nil {
		return t, data
	}
	return t, ref.Gather(cache, l.pages, ops.Page, c.keys, width)
}

// attentionOfMany compares rows of three sequences in one cache, the first two
// of which share a page; the row before them belongs to another cache.
func attentionOfMany(b *bench, w gpu.Way, typ gpu.Type) error {
	const heads, kvHeads, dim, pages = 4, 2, 32, 6
	width := kvHeads * dim
	seen, tables := []int{33, 64, 1}, [][]uint32{{3, 0}, {3, 5}, {2}}
	rows, list := []ops.Seat{{Seen: 1 << 31}}, []uint32{}
	for i, n := range seen {
		rows = append(rows, ops.Seat{Seen: uint32(n), Pages: uint32(len(list))})
		list = append(list, tables[i]...)
	}
	qs := noise(1, len(rows)*heads*dim)
	q, y, seats := b.queries(qs, len(rows), heads*dim), b.poisoned("y", len(rows), heads*dim), b.seats(rows, list)
	const positions = pages * ops.Page
	all := b.inOrder(0, positions, true)
	var kv [2]gpu.Tensor
	var data [2][]float32
	for i := range kv {
		kv[i] = b.keep(b.d.NewTexels("kv", typ, positions, width))
		x := b.floats("x", noise(uint64(2+i), positions*width), positions, width)
		data[i] = b.result(kv[i], func(r *gpu.Recorder) { ops.Append(r, kv[i], x, all, 0, positions) })
	}
	got := b.attend(w, y, q, kv[0], kv[1], seats, ops.Stretch{From: 1, To: len(rows), Keys: 64, Each: true}, dim)
	if b.err != nil {
		return b.err
	}
	var want []float32
	var limit float64
	for i, n := range seen {
		at := (i + 1) * heads * dim
		k, v := ref.Gather(data[0], tables[i], ops.Page, n, width), ref.Gather(data[1], tables[i], ops.Page, n, width)
		one, allowed := attended(w, attentionCase{heads: heads, kvHeads: kvHeads, dim: dim}, qs[at:at+heads*dim], k, v)
		want, limit = append(want, one...), allowed
	}
	return near(got[heads*dim:], want, limit)
}

// cache uploads keys or values by ops.Append, behind them spare rows that no
// query may see, and returns them as the kernel reads them.
func (b *bench) cache(name string, data []float32, c attentionCase) (gpu.Tensor, []float32) {
	width := c.kvHeads * c.dim
	spare := make([]float32, c.spare*width)
	for i := range spare {
		spare[i] = 60000
	}
	t := b.keep(b.d.NewTexels(name, c.typ, c.keys+c.spare, width))
	x := b.floats(name, append(data[:len(data):len(data)], spare...), c.keys+c.spare, width)
	seats := b.inOrder(0, c.keys+c.spare, true)
	b.run(func(r *gpu.Recorder) { ops.Append(r, t, x, seats, 0, c.keys+c.spare) })
	if b.err != nil {
		return t, data
	}
	seen, err := b.d.Floats(t)
	b.err = err
	return t, seen[:min(len(data), len(seen))]
}
