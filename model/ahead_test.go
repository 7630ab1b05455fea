package model_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"time"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pocket"
	"pixtral-wgpu/tokenizer"
)

// An answer that the device continues by itself is that which the host
// continues, however it ends, and the session is left the same.
func TestAhead(t *testing.T) {
	d := open(t, gpu.Options{})
	c, err := model.ParseCheckpoint("pocket", pocket.Params, pocket.Weights, pocket.Tekken)
	check(t, err)
	p := load(t, d, c)
	chat := func(text string) model.Prompt {
		q, err := p.EncodeChat(&tokenizer.Chat{Model: "pocket", Messages: []tokenizer.Message{tokenizer.UserMessage(tokenizer.Text(text))}}, nil)
		check(t, err)
		return q
	}
	type outcome struct {
		reply  *model.Reply
		held   int
		logits []float32
		next   tokenizer.Token
	}
	run := func(context int, req model.Request) outcome {
		s, err := p.NewSession(model.SessionOptions{Context: context})
		check(t, err)
		defer s.Close()
		reply, err := s.Reply(t.Context(), req, func(string) error { return nil })
		check(t, err)
		held := s.Len()
		logits, err := s.Logits()
		check(t, err)
		next, err := s.Best()
		check(t, err)
		again, err := s.Reply(t.Context(), req, func(string) error { return nil }) // what was dropped does no harm
		check(t, err)
		if !slices.Equal(again.Tokens, reply.Tokens) {
			t.Errorf("%v, then %v", reply.Tokens, again.Tokens)
		}
		return outcome{reply, held, logits, next}
	}
	ask := chat("What colour is the sky?")
	cases := map[string]func() outcome{
		"by the model": func() outcome { return run(256, model.Request{Prompt: ask}) },
		"by its bound": func() outcome { return run(256, model.Request{Prompt: ask, MaxTokens: 3}) },
		"after one":    func() outcome { return run(256, model.Request{Prompt: ask, MaxTokens: 1}) },
		"by context":   func() outcome { return run(len(ask.Tokens)+2, model.Request{Prompt: ask}) },
		"by a text":    func() outcome { return run(256, model.Request{Prompt: ask, Stop: []string{" "}}) },
	}
	want := map[string]outcome{}
	for name, f := range cases {
		want[name] = f()
	}
	for _, most := range []time.Duration{0, time.Hour} {
		model.Ahead(t, most)
		for name, f := range cases {
			got, want := f(), want[name]
			if !slices.Equal(got.reply.Tokens, want.reply.Tokens) || got.reply.FinishReason != want.reply.FinishReason || got.reply.Text != want.reply.Text {
				t.Errorf("ended %s: %v, %q, want %v, %q", name, got.reply.Tokens, got.reply.FinishReason, want.reply.Tokens, want.reply.FinishReason)
			}
			if got.held != want.held || got.next != want.next || !slices.Equal(got.logits, want.logits) {
				t.Errorf("ended %s: the session holds %d tokens and %d follows, want %d and %d", name, got.held, got.next, want.held, want.next)
			}
		}
	}

	// A look at the session between tokens, and an end from outside.
	s, err := p.NewSession(model.SessionOptions{Context: 256})
	check(t, err)
	defer s.Close()
	check(t, s.Sync(t.Context(), ask))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for tok, err := range s.Generate(ctx, model.Sampler{}, 0) {
		if n == 2 {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled: %v", err)
			}
			break
		}
		check(t, err)
		best, err := s.Best()
		check(t, err)
		if tok != best {
			t.Errorf("token %d is %d, and the session says %d", n, tok, best)
		}
		if n++; n == 2 {
			cancel()
		}
	}
	if n != 2 {
		t.Errorf("%d tokens", n)
	}
}

// A token of an answer allocates nothing, once as many were made before, whoever
// picks it.
func TestDecodeAllocatesNothing(t *testing.T) {
	p := load(t, open(t, gpu.Options{}), small("q4_k"))
	s, err := p.NewSession(model.SessionOptions{Context: 512})
	check(t, err)
	defer s.Close()
	for _, depth := range []int{20, 200} { // attention whole, and split
		check(t, s.Sync(t.Context(), ids(depth)))
		step := func() {
			tok, err := s.Best()
			check(t, err)
			check(t, s.Step(t.Context(), tok))
		}
		for range 8 {
			step()
		}
		if n := testing.AllocsPerRun(20, step); n > 0 {
			t.Errorf("behind %d tokens: %v allocations a token", depth, n)
		}
	}
	model.Ahead(t, time.Hour)
	check(t, s.Sync(t.Context(), ids(30)))
	next, stop := iterate(s, model.Sampler{})
	for range 8 {
		next()
	}
	if n := testing.AllocsPerRun(20, next); n > 0 {
		t.Errorf("ahead: %v allocations a token", n)
	}
	stop()

	c := &model.Config{Dim: 256, Layers: 1, HeadDim: 32, HiddenDim: 256, Heads: 4, KVHeads: 2, NormEps: 1e-5, VocabSize: 20000, RopeTheta: 1e4}
	p, err = model.Load(t.Context(), p.Device(), model.Synthetic(c, "q8_0", 3), model.LoadOptions{Noise: true})
	check(t, err)
	defer p.Close()
	s, err = p.NewSession(model.SessionOptions{Context: 512})
	check(t, err)
	defer s.Close()
	check(t, s.Sync(t.Context(), ids(30)))
	next, stop = iterate(s, model.Sampler{Temperature: 1, TopK: 40, TopP: 0.9})
	for range 8 {
		next()
	}
	if n := testing.AllocsPerRun(20, next); n > 0 {
		t.Errorf("drawn: %v allocations a token", n)
	}
	stop()
}

// iterate returns what takes the next token of an answer, and what ends it.
func iterate(s *model.Session, smp model.Sampler) (next, stop func()) {
	take, stop := iter.Pull2(s.Generate(context.Background(), smp, 0))
	return func() {
		if _, err, ok := take(); err != nil || !ok {
			panic(err)
		}
	}, stop
}

// Layers that wait in host memory are there in time for passes submitted ahead.
func TestAheadStreamed(t *testing.T) {
	prompt := model.Prompt{Tokens: []tokenizer.Token{1, 3, 89, 78, 30, 108, 40, 4}}
	o := model.SessionOptions{Context: 64, KV: "f32"}
	c, err := model.OpenCheckpoint("testdata/hf_a")
	check(t, err)
	defer c.Close()
	p, err := model.Load(t.Context(), open(t, gpu.Options{ShardBytes: 3000}), c, model.LoadOptions{Streamed: 1})
	check(t, err)
	defer p.Close()
	want := greedy(t, p, o, prompt, 32)
	model.Ahead(t, time.Hour)
	if got := greedy(t, p, o, prompt, 32); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
