package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"pixtral-wgpu/engine"
	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pocket"
	"pixtral-wgpu/model/pocket/quiz"
	"pixtral-wgpu/tokenizer"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// load opens a device and the embedded model on it.
func load(t testing.TB) *model.Pixtral {
	t.Helper()
	d, err := gpu.Open(gpu.Options{})
	check(t, err)
	t.Cleanup(d.Close)
	c, err := model.ParseCheckpoint("pocket", pocket.Params, pocket.Weights, pocket.Tekken)
	check(t, err)
	p, err := model.Load(t.Context(), d, c, model.LoadOptions{})
	check(t, err)
	t.Cleanup(p.Close)
	return p
}

// start starts an engine on p.
func start(t testing.TB, p *model.Pixtral, o engine.Options) *engine.Engine {
	t.Helper()
	e, err := engine.New(p, o)
	check(t, err)
	t.Cleanup(func() { e.Close() })
	return e
}

// prompts returns n prompts of the held-out questions, pictures and all.
func prompts(t testing.TB, p *model.Pixtral, n int) (list []model.Prompt) {
	t.Helper()
	items, err := quiz.Items("../model/pocket/testdata")
	check(t, err)
	for i := range n {
		prompt, err := items[i*len(items)/n].Prompt(p)
		check(t, err)
		list = append(list, prompt)
	}
	return list
}

// unending is a sampler that never picks the end: answers go on to their bound.
func unending(p *model.Pixtral) model.Sampler {
	s := model.Sampler{LogitBias: map[tokenizer.Token]float64{}}
	for tok := range p.Config.VocabSize {
		if p.Tokenizer.Ends(tokenizer.Token(tok)) {
			s.LogitBias[tokenizer.Token(tok)] = -100
		}
	}
	return s
}

// requests returns n requests of all kinds.
func requests(t testing.TB, p *model.Pixtral, n int) (list []engine.Request) {
	long := unending(p)
	for i, prompt := range prompts(t, p, n) {
		req := engine.Request{Prompt: prompt, MaxTokens: 8 + i%3*30}
		switch i % 4 {
		case 1:
			req.Sampler = model.Sampler{Temperature: 0.8, TopP: 0.9, Seed: uint64(i)}
		case 2:
			req.Sampler = long
			req.Sampler.FrequencyPenalty = 0.5
		case 3:
			req.LogProbs, req.TopLogProbs = true, 3
		}
		list = append(list, req)
	}
	return list
}

// alone answers a request by a session of its own.
func alone(t testing.TB, p *model.Pixtral, req engine.Request, context int) *model.Reply {
	t.Helper()
	s, err := p.NewSession(model.SessionOptions{Context: context})
	check(t, err)
	defer s.Close()
	reply, err := s.Reply(t.Context(), model.Request{Prompt: req.Prompt, Sampler: req.Sampler, MaxTokens: req.MaxTokens, Stop: req.Stop}, nil)
	check(t, err)
	return reply
}

// answer runs a request and checks that its events are what the reply says.
func answer(t testing.TB, e *engine.Engine, req engine.Request) *model.Reply {
	t.Helper()
	var text strings.Builder
	var tokens []tokenizer.Token
	reply, err := e.Generate(t.Context(), req, func(ev engine.Event) error {
		text.WriteString(ev.Text)
		if ev.Token != engine.NoToken {
			tokens = append(tokens, ev.Token)
			if req.LogProbs && (len(ev.Top) != req.TopLogProbs || ev.LogProb > 0) {
				return fmt.Errorf("log-probabilities %v %v", ev.LogProb, ev.Top)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
		return &model.Reply{}
	}
	if text.String() != reply.Text || !slices.Equal(tokens, reply.Tokens) {
		t.Errorf("the events say %q %v, the reply %q %v", text.String(), tokens, reply.Text, reply.Tokens)
	}
	return reply
}

// together sends all requests at once and compares the answers with those
// wanted.
func together(t *testing.T, e *engine.Engine, list []engine.Request, want []*model.Reply) {
	t.Helper()
	var all sync.WaitGroup
	for i, req := range list {
		all.Go(func() {
			got := answer(t, e, req)
			if !slices.Equal(got.Tokens, want[i].Tokens) || got.Text != want[i].Text || got.FinishReason != want[i].FinishReason {
				t.Errorf("request %d: %q %v (%s), alone %q %v (%s)", i,
					got.Text, got.Tokens, got.FinishReason, want[i].Text, want[i].Tokens, want[i].FinishReason)
			}
		})
	}
	all.Wait()
}

// Requests sent at once are answered as each alone, token by token: from an
// empty cache and from a full one, with much room and with little, in one cache
// and in several, ahead of the host and not.
func TestAloneAndTogether(t *testing.T) {
	p := load(t)
	const context = 512
	list := requests(t, p, 12)
	list = append(list, list[:4]...) // some are asked twice
	want := make([]*model.Reply, len(list))
	for i, req := range list {
		want[i] = alone(t, p, req, context)
	}
	width := p.Config.KVHeads * p.Config.HeadDim
	for name, o := range map[string]engine.Options{
		"room":         {},
		"two slots":    {Slots: 2},
		"small chunks": {Chunk: 40},
		"little room":  {Tokens: context},
		"caches":       {Tokens: 5 * context, CacheBytes: gpu.F16.Bytes(context * width)},
		"ahead":        {Slots: 5},
	} {
		t.Run(name, func(t *testing.T) {
			o.Context, o.Exact = context, true
			engine.Ahead(t, name == "ahead")
			e := start(t, p, o)
			together(t, e, list, want)
			together(t, e, list, want)
			s := e.Stats()
			t.Logf("%d of %d prompt tokens found, %d images encoded, %d found", s.CachedTokens, s.PromptTokens, s.ImagesEncoded, s.ImagesFound)
			if s.Requests != uint64(2*len(list)) || s.Failed+s.Cancelled+s.Refused > 0 || s.Running != 0 || s.Waiting != 0 || s.KVUsed != 0 {
				t.Errorf("%+v", s)
			}
			if name == "room" && s.CachedTokens*3 < s.PromptTokens {
				t.Errorf("only %d of %d tokens found", s.CachedTokens, s.PromptTokens)
			}
			if s.FirstToken.Count != s.Requests || s.InterToken.Count == 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// Requests whose answers do not all fit the pool stop for those before them, and
// go on later as if nothing had been.
func TestPressure(t *testing.T) {
	p := load(t)
	const context = 256
	var list []engine.Request
	var want []*model.Reply
	for i := range 10 {
		prompt := model.Prompt{Tokens: p.Tokenizer.EncodePrompt(strings.Repeat("red circle ", i+1))}
		list = append(list, engine.Request{Prompt: prompt, Sampler: unending(p), MaxTokens: 110 + i})
		want = append(want, alone(t, p, list[i], context))
	}
	e := start(t, p, engine.Options{Context: context, Tokens: context, Exact: true})
	together(t, e, list, want)
	if s := e.Stats(); s.Paused == 0 || s.Failed > 0 || s.KVUsed > 0 {
		t.Errorf("%+v", s)
	} else {
		t.Logf("%d times one had to stop", s.Paused)
	}
}
