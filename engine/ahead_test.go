package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"pixtral-wgpu/engine"
	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

// odd is a Masker of tokens with odd numbers, and of so many.
type odd struct{ left int }

func (o *odd) Mask(allowed []bool) {
	for i := range allowed {
		allowed[i] = i%2 == 1
	}
}
func (o *odd) Accept(tokenizer.Token) { o.left-- }
func (o *odd) Done() bool             { return o.left == 0 }

// A ask is a request that comes at a step, of which the client leaves at another; 0
// for never.
type ask struct {
	make      func() engine.Request
	at, leave int
}

// byHand takes steps until all are answered, and takes each third guess of the device
// as wrong if it is to doubt. It returns the answers, nil for those that left.
func byHand(t *testing.T, h *engine.Hand, list []ask, doubt bool) []*model.Reply {
	t.Helper()
	type asked struct {
		of     func() (*model.Reply, error, bool)
		cancel func()
	}
	open := map[int]asked{}
	replies := make([]*model.Reply, len(list))
	guesses, came := 0, 0
	for step := 0; came < len(list) || len(open) > 0; step++ {
		if step > 4000 {
			t.Fatalf("%d of %d answers do not end: %+v", len(open), len(list), h.Stats())
		}
		for i, a := range list {
			if a.at == step {
				ctx, cancel := context.WithCancel(t.Context())
				of, err := h.Ask(ctx, a.make())
				check(t, err)
				open[i], came = asked{of, cancel}, came+1
			}
			if o, ok := open[i]; ok && a.leave > 0 && a.leave == step {
				o.cancel()
			}
		}
		if doubt && h.UnderWay() > 0 {
			if guesses++; guesses%3 == 1 {
				h.Doubt(step)
			}
		}
		check(t, h.Step(t.Context()))
		if n := h.UnderWay(); n > 1 {
			t.Fatalf("%d passes are under way between steps", n)
		}
		for i, o := range open {
			reply, err, ended := o.of()
			if !ended {
				continue
			}
			if list[i].leave == 0 || !errors.Is(err, context.Canceled) {
				check(t, err)
				replies[i] = reply
			}
			o.cancel()
			delete(open, i)
		}
	}
	s := h.Stats()
	if s.Running+s.Waiting+s.KVUsed != 0 || s.Requests != uint64(len(list)) || doubt && guesses == 0 {
		t.Errorf("in the end: %+v, %d guesses", s, guesses)
	}
	return replies
}

// same holds answers against those wanted.
func same(t *testing.T, got, want []*model.Reply) {
	t.Helper()
	for i, w := range want {
		if g := got[i]; g != nil && (!slices.Equal(g.Tokens, w.Tokens) || g.Text != w.Text || g.FinishReason != w.FinishReason) {
			t.Errorf("request %d: %q %v (%s), want %q %v (%s)", i, g.Text, g.Tokens, g.FinishReason, w.Text, w.Tokens, w.FinishReason)
		}
	}
}

// Answers that go on ahead of the host are those that the host continues: about
// pictures, among others that come, leave, end by a text or follow a grammar, and
// where what the device did is dropped.
func TestAhead(t *testing.T) {
	p := load(t)
	engine.Patience(t, time.Hour)
	const context = 512
	pictures := prompts(t, p, 12)
	var list []ask
	for i, prompt := range pictures {
		a := ask{at: 3 * i * (i % 3), make: func() engine.Request { return engine.Request{Prompt: prompt, MaxTokens: 50} }}
		switch i % 6 {
		case 1:
			a.make = func() engine.Request {
				return engine.Request{Prompt: model.Prompt{Tokens: p.Tokenizer.EncodePrompt("red circle ")}, MaxTokens: 70, Stop: []string{"circle"}}
			}
		case 2:
			a.make = func() engine.Request {
				return engine.Request{Prompt: model.Prompt{Tokens: p.Tokenizer.EncodePrompt(fmt.Sprint(i, " blue squares and "))}, MaxTokens: 90}
			}
		case 3:
			a.leave = a.at + i
		case 4:
			a.make = func() engine.Request { return engine.Request{Prompt: prompt, Allow: &odd{12}} }
		case 5:
			a.make = func() engine.Request {
				return engine.Request{Prompt: prompt, Sampler: model.Sampler{Temperature: 1, FrequencyPenalty: 0.5, Seed: uint64(i)}, MaxTokens: 20}
			}
		}
		list = append(list, a)
	}
	calm := slices.Clone(list)
	for i := range calm {
		calm[i].leave = 0
	}
	engine.Ahead(t, false)
	want := byHand(t, engine.NewHand(t, p, engine.Options{Context: context, Exact: true}), calm, false)
	engine.Ahead(t, true)
	width := p.Config.KVHeads * p.Config.HeadDim
	for name, o := range map[string]engine.Options{
		"three slots": {Slots: 3},
		"caches":      {Tokens: 5 * context, CacheBytes: gpu.F16.Bytes(context * width)},
	} {
		t.Run(name, func(t *testing.T) {
			o.Context, o.Exact = context, true
			h := engine.NewHand(t, p, o)
			same(t, byHand(t, h, list, true), want)
			if s := h.Stats(); s.AheadTokens == 0 || s.DroppedTokens == 0 {
				t.Errorf("%+v", s)
			} else {
				t.Logf("%d of %d tokens ahead, %d dropped", s.AheadTokens, s.CompletionTokens, s.DroppedTokens)
			}
		})
	}
}

// Drawn answers too, by shortlists that tell or do not, beside likeliest ones, with
// room for all or so little that some stop for others.
func TestAheadDrawn(t *testing.T) {
	p := wide(t)
	engine.Patience(t, time.Hour)
	source := rand.New(rand.NewPCG(1, 2))
	var list []ask
	for i := range 14 {
		req := engine.Request{
			Prompt:    model.Prompt{Tokens: []tokenizer.Token{1, tokenizer.Token(5 + i), 9}},
			Sampler:   []model.Sampler{{Temperature: 0.05}, {}, {Temperature: 0.2, TopP: 0.9}, {Temperature: 1, TopK: 30}, {Temperature: 1}, {TopK: 1, Temperature: 2}}[i%6],
			MaxTokens: 1 + source.IntN(100),
		}
		req.Sampler.Seed = uint64(i)
		list = append(list, ask{at: source.IntN(80), make: func() engine.Request { return req }})
	}
	const context, slots = 128, 6
	engine.Ahead(t, false)
	want := byHand(t, engine.NewHand(t, p, engine.Options{Context: context, Slots: slots}), list, false)
	for i := range list {
		if i%7 == 0 {
			list[i].leave = list[i].at + 1 + i
		}
	}
	engine.Ahead(t, true)
	for name, tokens := range map[string]int{"room": slots * context, "little room": context + model.Page} {
		t.Run(name, func(t *testing.T) {
			h := engine.NewHand(t, p, engine.Options{Context: context, Slots: slots, Tokens: tokens})
			same(t, byHand(t, h, list, true), want)
			s := h.Stats()
			t.Logf("%d of %d tokens ahead, %d dropped, %d times one had to stop, %d left", s.AheadTokens, s.CompletionTokens, s.DroppedTokens, s.Paused, s.Cancelled)
			if s.AheadTokens < s.CompletionTokens/8 || s.DroppedTokens == 0 || s.Cancelled == 0 || (s.Paused > 0) != (tokens < slots*context) {
				t.Errorf("%+v", s)
			}
		})
	}
}

// Clients that come and leave as they like, an engine that is closed and a device
// that is lost while passes are under way: all end as they should.
func TestAheadEnds(t *testing.T) {
	p := wide(t)
	engine.Ahead(t, true)
	greedy := func(i int) engine.Request {
		return engine.Request{Prompt: model.Prompt{Tokens: []tokenizer.Token{1, tokenizer.Token(5 + i)}}}
	}
	var want []*model.Reply
	for i := range 6 {
		req := greedy(i)
		req.MaxTokens = 40
		want = append(want, alone(t, p, req, 1024))
	}
	e := start(t, p, engine.Options{Context: 1024, Slots: 4})
	var all sync.WaitGroup
	for i := range want {
		all.Go(func() {
			for k := range 2 {
				ctx, cancel := context.WithCancel(t.Context())
				n := 0
				reply, err := e.Generate(ctx, greedy(i), func(engine.Event) error {
					if n++; n == 3+7*k+i {
						cancel()
					}
					return nil
				})
				cancel()
				if got := min(len(reply.Tokens), len(want[i].Tokens)); !errors.Is(err, context.Canceled) || n < 3+7*k+i || !slices.Equal(reply.Tokens[:got], want[i].Tokens[:got]) {
					t.Errorf("%d events, %v, then %v; want %v", n, reply.Tokens, err, want[i].Tokens)
				}
			}
		})
	}
	all.Wait()
	if s := e.Stats(); s.AheadTokens == 0 || s.Cancelled != 12 || s.KVUsed+s.Running+s.Waiting != 0 {
		t.Errorf("%+v", s)
	}
	for i := range 2 {
		all.Go(func() {
			if _, err := e.Generate(t.Context(), greedy(i), nil); !errors.Is(err, engine.ErrClosed) {
				t.Errorf("%v", err)
			}
		})
	}
	for before := e.Stats().AheadTokens; e.Stats().AheadTokens < before+20; {
		time.Sleep(time.Millisecond)
	}
	check(t, e.Close())
	all.Wait()

	h := engine.NewHand(t, p, engine.Options{Context: 1024, Slots: 4})
	_, err := h.Ask(t.Context(), greedy(0))
	check(t, err)
	for h.UnderWay() == 0 {
		check(t, h.Step(t.Context()))
	}
	p.Device().Lose()
	var lost *gpu.DeviceLostError
	if err := h.Step(t.Context()); !errors.As(err, &lost) {
		t.Errorf("the device is lost: %v", err)
	}
}

// What greedy clients get, with passes submitted ahead of the host and without:
// go test -run '^$' -bench Ahead ./engine
func BenchmarkAhead(b *testing.B) {
	p := wide(b)
	for _, clients := range []int{1, 8, 32} {
		for _, on := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d clients/ahead %v", clients, on), func(b *testing.B) {
				engine.Ahead(b, on)
				h := engine.NewHand(b, p, engine.Options{Context: 512, Slots: clients})
				for i := range clients {
					_, err := h.Ask(b.Context(), engine.Request{Prompt: model.Prompt{Tokens: []tokenizer.Token{1, tokenizer.Token(5 + i)}}})
					check(b, err)
				}
				check(b, h.Step(b.Context()))
				for b.Loop() {
					check(b, h.Step(b.Context()))
				}
			})
		}
	}
}
