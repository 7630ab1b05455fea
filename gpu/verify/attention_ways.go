package verify

import (
	"fmt"
	"slices"
	"strings"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/ref"
)

// loudest is just below a power of two, and beyond half floats: where it is everything,
// each sum of products is as large as may be.
const loudest = 131071

// attendCases are rows that are taken one by one: numbers of keys at and off the
// borders of pages, of workgroups and of splits, or one where that is not all to check.
func attendCases(all bool) (list []attentionCase) {
	counts := []int{257}
	if all {
		counts = []int{1, 2, 31, 32, 33, 255, 256, 257, 600}
		list = append(list,
			attentionCase{queries: 3, keys: 300, heads: 8, kvHeads: 2, dim: 128, causal: true, base: 297},
			attentionCase{queries: 1, keys: 300, heads: 3, kvHeads: 3, dim: 24, causal: true, base: 299},
		)
	}
	for _, n := range counts {
		list = append(list, attentionCase{queries: 1, keys: n, spare: 3, heads: 10, kvHeads: 2, dim: 32, causal: true, base: n - 1})
	}
	return append(list,
		attentionCase{queries: 5, keys: 400, heads: 2, kvHeads: 1, dim: 32, causal: true, base: 395, outlier: 1e5},
		attentionCase{queries: 5, keys: 400, heads: 2, kvHeads: 1, dim: 32, causal: true, base: 395, queryScale: 1000},
		attentionCase{queries: 1, keys: 200, heads: 2, kvHeads: 1, dim: 32, causal: true, base: 199, all: loudest},
	)
}

// tileCases are rows of a prompt or an image.
func tileCases(all bool) (list []attentionCase) {
	counts := []int{67}
	if all {
		counts = []int{1, 2, 31, 32, 33, 67}
		list = append(list,
			attentionCase{queries: 21, keys: 257, heads: 5, kvHeads: 1, dim: 128, causal: true, base: 236}, // five heads to a key head
			attentionCase{queries: 40, keys: 40, heads: 2, kvHeads: 1, dim: 160, causal: true},             // wide heads
			attentionCase{queries: 5, keys: 70, heads: 3, kvHeads: 3, dim: 24, causal: true, base: 65},
		)
	}
	for _, n := range counts { // images, and prompts from their start
		list = append(list,
			attentionCase{queries: n, keys: n, spare: 3, heads: 2, kvHeads: 2, dim: 32},
			attentionCase{queries: n, keys: n, spare: 3, heads: 6, kvHeads: 2, dim: 32, causal: true},
		)
	}
	return append(list,
		attentionCase{queries: 3, keys: 255, heads: 80, kvHeads: 1, dim: 32, causal: true, base: 252}, // more heads to a key head than rows in a tile
		attentionCase{queries: 20, keys: 50, heads: 2, kvHeads: 1, dim: 32, causal: true, base: 30, outlier: 1e5},
		attentionCase{queries: 20, keys: 20, heads: 2, kvHeads: 1, dim: 32, outlier: 1e5},
		attentionCase{queries: 20, keys: 50, heads: 2, kvHeads: 1, dim: 32, causal: true, base: 30, queryScale: 1000},
		attentionCase{queries: 20, keys: 50, heads: 2, kvHeads: 1, dim: 32, causal: true, base: 30, all: loudest},
	)
}

// attentionWayChecks compare each way of attention that a device may prefer with
// the twin, and its rows in any company with each other.
func attentionWayChecks() []Check {
	var list []Check
	// How caches other than of half floats read is the plain kernels' to check, but
	// for ways that read no other.
	all := func(w gpu.Way, typ gpu.Type) bool { return typ == gpu.F16 || strings.HasSuffix(w.Kernel, "_ints") }
	add := func(w gpu.Way, what string, run func(b *bench) error) {
		list = append(list, Check{w.Kernel, fmt.Sprintf("%d lanes, %d rows, %s", w.Lanes, w.Rows, what), func(d *gpu.Device) error { return on(d, run) }})
	}
	for _, typ := range caches {
		for _, w := range allWays(gpu.Use{Op: ops.Attend, Format: typ.String()}) {
			for _, c := range attendCases(all(w, typ)) {
				c.typ = typ
				add(w, c.String(), func(b *bench) error { return attention(b, w, c) })
			}
			add(w, typ.String()+" of many sequences", func(b *bench) error { return attentionOfMany(b, w, typ) })
			add(w, typ.String()+" beside many", func(b *bench) error { return splitAlike(b, w, typ) })
		}
		for _, w := range append(allWays(gpu.Use{Op: ops.AttendMany, Format: typ.String()}), gpu.Way{Kernel: "attention_tile"}) {
			for _, c := range tileCases(all(w, typ)) {
				c.typ = typ
				add(w, c.String(), func(b *bench) error { return attention(b, w, c) })
			}
			add(w, typ.String()+" in any pieces", func(b *bench) error { return tileAlike(b, w, typ) })
			add(w, typ.String()+" of images side by side", func(b *bench) error { return tilesApart(b, w, typ) })
		}
	}
	return list
}

// tileAlike compares the rows of a prompt together with the same in two pieces, to
// the bit.
func tileAlike(b *bench, w gpu.Way, typ gpu.Type) error {
	c := attentionCase{queries: 43, keys: 101, heads: 6, kvHeads: 2, dim: 32, typ: typ}
	if !ops.Holds(b.d, w, c.dim) {
		return nil
	}
	rows, pages := ops.InOrder(c.keys-c.queries, c.queries, false)
	p := pageOut(pages)
	width := c.heads * c.dim
	qs := noise(1, c.queries*width)
	qs[7*width+3] = 1e5
	k, _ := b.paged("k", noise(2, c.keys*c.kvHeads*c.dim), p, c)
	v, _ := b.paged("v", noise(3, c.keys*c.kvHeads*c.dim), p, c)
	var whole []float32
	for _, cut := range []int{c.queries, 1, 30} {
		var got []float32
		for _, piece := range [][2]int{{0, cut}, {cut, c.queries}} {
			if n := piece[1] - piece[0]; n > 0 {
				q, y := b.queries(qs[piece[0]*width:piece[1]*width], n, width), b.poisoned("y", n, width)
				got = append(got, b.attend(w, y, q, k, v, b.seats(rows[piece[0]:piece[1]], p.pages), ops.Stretch{To: n, Keys: c.keys}, c.dim)...)
			}
		}
		if b.err != nil {
			return b.err
		}
		if whole == nil {
			whole = got
		}
		if !slices.Equal(got, whole) {
			return fmt.Errorf("cut after %d rows they are others", cut)
		}
	}
	return nil
}

// tilesApart compares images in one pass, each of which begins with a page and sees
// its own keys only, with the twin; rows between them are nobody's.
func tilesApart(b *bench, w gpu.Way, typ gpu.Type) error {
	const heads, dim, between = 2, 32, ops.Page + 5
	c := attentionCase{keys: 2*ops.Page + 40, heads: heads, kvHeads: heads, dim: dim, typ: typ}
	if !ops.Holds(b.d, w, dim) {
		return nil
	}
	images := []ops.Stretch{{From: 0, To: between, Keys: between}, {From: 2 * ops.Page, To: c.keys, Keys: 40}}
	rows, pages := ops.InOrder(0, c.keys, true)
	for _, s := range images {
		for i := s.From; i < s.To; i++ {
			rows[i].Pages, rows[i].Seen = uint32(s.From/ops.Page), uint32(s.Keys)
		}
	}
	p := pageOut(pages)
	qs := noise(1, c.keys*heads*dim)
	q, y, seats := b.queries(qs, c.keys, heads*dim), b.poisoned("y", c.keys, heads*dim), b.seats(rows, p.pages)
	k, ks := b.paged("k", noise(2, c.keys*heads*dim), p, c)
	v, vs := b.paged("v", noise(3, c.keys*heads*dim), p, c)
	for _, s := range images {
		got := b.attend(w, y, q, k, v, seats, s, dim)
		if b.err != nil {
			return b.err
		}
		from, to := s.From*heads*dim, s.To*heads*dim
		want, limit := attended(w, c, qs[from:to], ks[from:to], vs[from:to])
		if err := near(got[from:to], want, limit); err != nil {
			return fmt.Errorf("rows from %d: %w", s.From, err)
		}
	}
	return b.err
}

// attended returns what a way is to make of queries, keys and values, and what it
// may differ by: ways that round are compared with what they round to.
func attended(w gpu.Way, c attentionCase, qs, ks, vs []float32) ([]float32, float64) {
	limit := 1e-10
	switch {
	case strings.HasSuffix(w.Kernel, "_ints"):
		qs, limit = ref.QuantizeRows(qs), 1e-7
	case ops.Rounds(w):
		limit = 1e-5
		if c.queryScale > 0 {
			limit = 1e-3 // what sums of four products lose is much beside a score's neighbours
		}
		qs, ks, vs = ref.HalfRows(qs, c.dim), ref.HalfRows(ks, c.dim), ref.HalfRows(vs, c.dim)
	}
	return ref.Attention(qs, ks, vs, c.heads, c.kvHeads, c.dim, c.causal, c.base), limit
}
