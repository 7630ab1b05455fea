package engine_test

import (
	"slices"
	"sync"
	"testing"

	"pixtral-wgpu/engine"
	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

// wide opens a device and a model with a large vocabulary on it.
func wide(t testing.TB) *model.Pixtral {
	t.Helper()
	d, err := gpu.Open(gpu.Options{})
	check(t, err)
	t.Cleanup(d.Close)
	c := &model.Config{Dim: 256, Layers: 1, HeadDim: 32, HiddenDim: 256, Heads: 4, KVHeads: 2, NormEps: 1e-5, VocabSize: 20000, RopeTheta: 1e4}
	p, err := model.Load(t.Context(), d, model.Synthetic(c, "q8_0", 3), model.LoadOptions{Noise: true})
	check(t, err)
	t.Cleanup(p.Close)
	return p
}

// Where the vocabulary is large and the device tells shortlists, each of several
// answers at once is that which a session gives.
func TestShortlists(t *testing.T) {
	p := wide(t)
	var requests []engine.Request
	for i, s := range []model.Sampler{
		{Temperature: 0.05}, {Temperature: 1}, {}, {Temperature: 0.2, TopP: 0.9}, {Temperature: 1, TopK: 50, PresencePenalty: 1}, {Temperature: 1, TopK: 30},
	} {
		s.Seed = uint64(i)
		requests = append(requests, engine.Request{
			Prompt: model.Prompt{Tokens: []tokenizer.Token{1, tokenizer.Token(5 + i), 9}}, Sampler: s, MaxTokens: 12, LogProbs: i == 5, TopLogProbs: 2,
		})
	}
	var want [][]tokenizer.Token
	for _, req := range requests {
		s, err := p.NewSession(model.SessionOptions{Context: 64})
		check(t, err)
		reply, err := s.Reply(t.Context(), model.Request{Prompt: req.Prompt, Sampler: req.Sampler, MaxTokens: req.MaxTokens}, func(string) error { return nil })
		check(t, err)
		want = append(want, reply.Tokens)
		s.Close()
	}
	e := start(t, p, engine.Options{Context: 64, Slots: len(requests)})
	var all sync.WaitGroup
	for i, req := range requests {
		all.Go(func() {
			reply, err := e.Generate(t.Context(), req, func(engine.Event) error { return nil })
			if err != nil || !slices.Equal(reply.Tokens, want[i]) {
				t.Errorf("request %d: %v, want %v (%v)", i, reply, want[i], err)
			}
		})
	}
	all.Wait()
}
