package engine_test

import (
	"context"
	"errors"
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

// answer runs a request and returns the events' text, which must be the reply's.
func answer(t testing.TB, e *engine.Engine, req engine.Request) (string, *model.Reply) {
	t.Helper()
	var text strings.Builder
	reply, err := e.Generate(t.Context(), req, func(ev engine.Event) error {
		text.WriteString(ev.Text)
		return nil
	})
	if err != nil {
		t.Error(err)
		return "", &model.Reply{}
	}
	if text.String() != reply.Text {
		t.Errorf("the events say %q, the reply %q", text.String(), reply.Text)
	}
	return reply.Text, reply
}

// Requests sent at once are answered as a session answers each.
func TestAnswersLikeASession(t *testing.T) {
	p := load(t)
	list := prompts(t, p, 8)
	want := make([]string, len(list))
	s, err := p.NewSession(model.SessionOptions{Context: 1024})
	check(t, err)
	for i, prompt := range list {
		reply, err := s.Reply(t.Context(), model.Request{Prompt: prompt, MaxTokens: 24}, nil)
		check(t, err)
		want[i] = reply.Text
	}
	s.Close()
	e := start(t, p, engine.Options{Context: 1024})
	var all sync.WaitGroup
	for i, prompt := range list {
		all.Go(func() {
			if got, _ := answer(t, e, engine.Request{Prompt: prompt, MaxTokens: 24}); got != want[i] {
				t.Errorf("question %d: %q, alone %q", i, got, want[i])
			}
		})
	}
	all.Wait()
	if st := e.Stats(); st.Requests != 8 || st.Running != 0 || st.Waiting != 0 || st.FirstToken.Count != 8 {
		t.Errorf("%+v", st)
	}
}

// A client that leaves ends its request, waiting or running.
func TestLeave(t *testing.T) {
	p := load(t)
	e := start(t, p, engine.Options{Context: 4096})
	prompt := prompts(t, p, 1)[0]
	req := engine.Request{Prompt: prompt, Sampler: model.Sampler{LogitBias: map[tokenizer.Token]float64{2: -100}}}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	_, err := e.Generate(ctx, req, func(engine.Event) error {
		if n++; n == 3 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || n > 20 {
		t.Errorf("%d events, then %v", n, err)
	}
	broken := errors.New("broken pipe")
	if _, err := e.Generate(t.Context(), req, func(engine.Event) error { return broken }); err != broken {
		t.Errorf("an error of emit: %v", err)
	}
}
