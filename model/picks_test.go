package model_test

import (
	"testing"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

// Tokens that the device feeds itself are those that the host would, whichever row
// they come from and go to, and what cannot go ahead is refused.
func TestPoolAhead(t *testing.T) {
	p := load(t, open(t, gpu.Options{}), small("q4_k"))
	prompts := [][]tokenizer.Token{{5}, {7, 8, 9}, {11, 12}}
	const steps = 4
	piece := func(seq, first int, want int, tokens ...tokenizer.Token) model.Piece {
		piece := model.Piece{Sequence: seq, Pages: []uint32{uint32(seq)}, First: first, Want: want}
		for _, tok := range tokens {
			piece.Places = append(piece.Places, model.Place{Token: tok})
		}
		return piece
	}
	begin := func() (*model.Pool, []tokenizer.Token) {
		pool, err := p.NewPool(model.PoolOptions{Context: 32, Sequences: len(prompts)})
		check(t, err)
		t.Cleanup(pool.Close)
		var pieces []model.Piece
		for i, prompt := range prompts {
			pieces = append(pieces, piece(i, 0, 1, prompt...))
		}
		check(t, pool.Read(t.Context(), pieces))
		best, err := pool.Best()
		check(t, err)
		return pool, best
	}
	pool, best := begin()
	answers := make([][]tokenizer.Token, len(prompts))
	for step := range steps {
		var pieces []model.Piece
		for i, tok := range best {
			answers[i] = append(answers[i], tok)
			pieces = append(pieces, piece(i, len(prompts[i])+step, 1, tok))
		}
		check(t, pool.Step(t.Context(), pieces))
		var err error
		best, err = pool.Best()
		check(t, err)
	}

	pool, _ = begin()
	greedy := model.Sampler{}.Picker(nil)
	ahead := func(step int, fed []int, order ...int) error {
		var pieces []model.Piece
		pickers := make([]*model.Picker, len(order))
		for i, seq := range order {
			tok := tokenizer.Token(0) // only the device knows
			if fed[i] < 0 {
				tok = answers[seq][step]
			}
			pieces, pickers[i] = append(pieces, piece(seq, len(prompts[seq])+step, 1, tok)), greedy
		}
		return pool.Ahead(t.Context(), pieces, fed, pickers)
	}
	picked := func(step int, order ...int) {
		t.Helper()
		tokens, lists, err := pool.Picked()
		check(t, err)
		for i, seq := range order {
			if len(lists) > 0 || tokenizer.Token(tokens[i]) != answers[seq][step+1] {
				t.Errorf("step %d, sequence %d: %d, want %d", step, seq, tokens[i], answers[seq][step+1])
			}
		}
	}
	refused := func(what string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if _, _, err := pool.Picked(); err == nil {
		t.Error("nothing is under way, and something was picked")
	}
	refused("a token of no pass", ahead(0, []int{0}, 0))
	check(t, ahead(0, []int{-1, -1, -1}, 0, 1, 2))
	refused("a row that there is not", ahead(1, []int{3}, 0))
	check(t, ahead(1, []int{2, -1, 0}, 2, 1, 0)) // in another order, one by the host
	refused("a third", ahead(2, []int{0}, 2))
	picked(0, 0, 1, 2)
	check(t, ahead(2, []int{1, 2}, 1, 0)) // one has ended
	picked(1, 2, 1, 0)
	picked(2, 1, 0)
	one := []model.Piece{piece(0, 1, 1, 5)}
	refused("a draw of a small vocabulary", pool.Ahead(t.Context(), one, []int{-1}, []*model.Picker{model.Sampler{Temperature: 1}.Picker(nil)}))
	refused("a penalty", pool.Ahead(t.Context(), one, []int{-1}, []*model.Picker{model.Sampler{PresencePenalty: 1}.Picker(nil)}))
	refused("no picker", pool.Ahead(t.Context(), one, []int{-1}, nil))
	refused("two positions", pool.Ahead(t.Context(), []model.Piece{piece(0, 1, 1, 5, 6)}, []int{-1}, []*model.Picker{greedy}))
	check(t, ahead(3, []int{-1}, 0)) // after all that
	tokens, _, err := pool.Picked()
	check(t, err)
	if tokenizer.Token(tokens[0]) != best[0] {
		t.Errorf("%d, want %d", tokens[0], best[0])
	}
}
