package model_test

import (
	"slices"
	"testing"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pocket"
	"pixtral-wgpu/tokenizer"
)

// Rows of many sequences in one pass give to the bit what each gives alone,
// wherever its pages are, in whichever cache, however its prompt is cut, and
// with pages of a common beginning shared.
func TestPool(t *testing.T) {
	c, err := model.ParseCheckpoint("pocket", pocket.Params, pocket.Weights, pocket.Tekken)
	check(t, err)
	for name, o := range map[string]gpu.Options{"full limits": {}, "default limits": {DefaultLimits: true}} {
		p := load(t, open(t, o), c)
		for _, kv := range []string{"f16", "q8_0"} {
			t.Run(name+"/"+kv, func(t *testing.T) { testPool(t, p, kv) })
		}
	}
}

func testPool(t *testing.T, p *model.Pixtral, kv string) {
	const steps = 5
	sizes := []int{1, 31, 32, 33, 70, 5}
	prompts := make([][]tokenizer.Token, len(sizes))
	for i, n := range sizes {
		for j := range n {
			prompts[i] = append(prompts[i], tokenizer.Token(100+(j*j+7*(i%5))%700)) // the last begins as the first
		}
	}
	var want [][][]float32 // by sequence and step
	for _, prompt := range prompts {
		s, err := p.NewSession(model.SessionOptions{Context: 128, KV: kv})
		check(t, err)
		check(t, s.Sync(t.Context(), model.Prompt{Tokens: prompt}))
		var list [][]float32
		for i := range steps {
			logits, err := s.Logits()
			check(t, err)
			list = append(list, logits)
			check(t, s.Step(t.Context(), tokenizer.Token(200+i)))
		}
		want = append(want, list)
		s.Close()
	}

	width := p.Config.KVHeads * p.Config.HeadDim
	bytes := map[string]uint64{"f16": gpu.F16.Bytes(9 * ops.Page * width), "q8_0": gpu.Q8.Bytes(9 * ops.Page * width)}[kv]
	pool, err := p.NewPool(model.PoolOptions{Context: 128, Sequences: len(sizes), Tokens: 16 * ops.Page, KV: kv, CacheBytes: bytes})
	check(t, err)
	defer pool.Close()
	if got := pool.Caches(); !slices.Equal(got, []int{9, 7}) {
		t.Fatalf("caches of %v pages", got)
	}
	pages := [][]uint32{{8, 0}, {1, 4}, {7, 2}, {0, 3}, {6, 5, 1}, {2}}
	caches := []int{0, 0, 0, 1, 1, 1}
	piece := func(i, from, to int) model.Piece {
		var places []model.Place
		for _, tok := range prompts[i][from:to] {
			places = append(places, model.Place{Token: tok})
		}
		return model.Piece{Sequence: i, Cache: caches[i], Pages: pages[i], First: from, Places: places}
	}
	// The prompts, in two passes, cut at odd places, the last pieces wanting logits.
	var first, second []model.Piece
	for i, n := range sizes {
		if cut := n / 3; cut > 0 {
			first = append(first, piece(i, 0, cut))
		}
		last := piece(i, n/3, n)
		last.Want = 1
		second = append(second, last)
	}
	check(t, pool.Read(t.Context(), first))
	check(t, pool.Read(t.Context(), second))
	for step := range steps {
		got, err := pool.Logits(len(sizes))
		check(t, err)
		best, err := pool.Best()
		check(t, err)
		for i := range sizes {
			if !slices.Equal(got[i], want[i][step]) {
				t.Errorf("sequence %d, step %d: logits differ", i, step)
			}
			if l := got[i]; l[best[i]] != slices.Max(l) {
				t.Errorf("sequence %d, step %d: %d is not the likeliest", i, step, best[i])
			}
		}
		var pieces []model.Piece
		for i, n := range sizes {
			pieces = append(pieces, model.Piece{
				Sequence: i, Cache: caches[i], Pages: pages[i], First: n + step, Want: 1,
				Places: []model.Place{{Token: tokenizer.Token(200 + step)}},
			})
		}
		check(t, pool.Step(t.Context(), pieces))
	}

	// Tokens of an answer at once, as after it had to stop.
	again := model.Piece{Sequence: 3, Cache: 1, Pages: pages[3], First: sizes[3], Want: 1}
	for step := range steps - 1 {
		again.Places = append(again.Places, model.Place{Token: tokenizer.Token(200 + step)})
	}
	check(t, pool.Step(t.Context(), []model.Piece{again}))
	got, err := pool.Logits(1)
	check(t, err)
	if !slices.Equal(got[0], want[3][steps-1]) {
		t.Error("tokens evaluated at once give other logits than one after the other")
	}

	// Another sequence in the first's place shares two pages of the fifth.
	const at = 4
	longer := model.Piece{Sequence: 0, Cache: 1, Pages: []uint32{6, 5, 4}, First: 64, Want: 1}
	longer.Places = piece(at, 64, sizes[at]).Places
	check(t, pool.Read(t.Context(), []model.Piece{longer}))
	got, err = pool.Logits(1)
	check(t, err)
	if !slices.Equal(got[0], want[at][0]) {
		t.Error("with pages shared, logits differ")
	}
}

func TestPoolRefuses(t *testing.T) {
	p, _ := golden13(t, open(t, gpu.Options{}))
	for _, o := range []model.PoolOptions{
		{Context: 1}, {Context: model.MaxContext + 1}, {Sequences: -1}, {Context: 64, Tokens: 32}, {KV: "f8"}, {Context: 64, CacheBytes: 64},
	} {
		if pool, err := p.NewPool(o); err == nil {
			pool.Close()
			t.Errorf("%+v is accepted", o)
		}
	}
	pool, err := p.NewPool(model.PoolOptions{Context: 64, Sequences: 2, Rows: 4})
	check(t, err)
	defer pool.Close()
	one := []model.Place{{Token: 1}}
	for i, bad := range [][]model.Piece{
		{},
		{{Pages: []uint32{0}}},
		{{Pages: []uint32{4}, Places: one}},
		{{Pages: []uint32{0, 1, 2}, Places: one}},
		{{Pages: []uint32{0}, First: 32, Places: one}},
		{{Pages: []uint32{0}, First: -1, Places: one}},
		{{Sequence: 2, Pages: []uint32{0}, Places: one}},
		{{Cache: 1, Pages: []uint32{0}, Places: one}},
		{{Pages: []uint32{0}, Places: one, Want: 2}},
		{{Pages: []uint32{0}, Places: slices.Repeat(one, 5)}},
	} {
		if pool.Read(t.Context(), bad) == nil {
			t.Errorf("piece %d is accepted", i)
		}
	}
	if _, err := pool.Logits(1); err == nil {
		t.Error("logits of an empty pool")
	}
	check(t, pool.Read(t.Context(), []model.Piece{{Pages: []uint32{3}, Places: one, Want: 1}}))
}
