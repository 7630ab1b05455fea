package web

import (
	"context"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"pixtral-wgpu/engine"
	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

// An asked is a request made ready for the engine, whichever API it came by.
type asked struct {
	engine.Request
	choices int
	masker  func() engine.Masker // one for each choice; nil for none
	tools   bool                 // calls may come
	lead    string               // text that the answer begins with
	ids     bool                 // tell the ids of the tokens
}

// A delta is what a choice grows by.
type delta struct {
	choice   int
	text     string
	logProbs []tokenLogProb
	ids      []tokenizer.Token
	calls    []toolCall
	end      string // why the choice is complete; "" if it is not
	usage    model.Usage
}

// answer asks the engine for all choices at once and gives take their growth,
// one piece at a time. An error of take ends all of them.
func (s *Server) answer(ctx context.Context, a asked, take func(delta) error) error {
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	for i := range a.choices {
		group.Go(func() error {
			return s.choose(ctx, a, i, func(d delta) error {
				mu.Lock()
				defer mu.Unlock()
				d.choice = i
				return take(d)
			})
		})
	}
	return group.Wait()
}

// choose asks for one choice.
func (s *Server) choose(ctx context.Context, a asked, i int, take func(delta) error) error {
	req := a.Request
	req.Sampler.Seed += uint64(i)
	if a.masker != nil {
		req.Allow = a.masker()
	}
	r := reading{server: s, asked: &a, take: take}
	if a.lead != "" {
		if err := take(delta{text: a.lead}); err != nil {
			return err
		}
	}
	start := time.Now()
	reply, err := s.engine.Generate(ctx, req, r.event)
	if err != nil {
		return err
	}
	s.metrics.answered(reply, time.Since(start))
	return r.end(reply)
}

// A reading takes the events of one choice apart, into text and calls.
type reading struct {
	server *Server
	asked  *asked
	take   func(delta) error
	calls  *callReader // once the model has begun to call
}

func (r *reading) event(e engine.Event) error {
	var d delta
	if r.asked.LogProbs && e.Token != engine.NoToken {
		d.logProbs = []tokenLogProb{logProbOf(r.server.facts.tokenizer, e.Token, e.LogProb, e.Top)}
	}
	if r.asked.ids && e.Token != engine.NoToken {
		d.ids = []tokenizer.Token{e.Token}
	}
	switch {
	case r.calls != nil:
		d.calls = r.calls.take(e.Text)
	case r.asked.tools && e.Token == r.server.facts.toolCalls():
		d.text, r.calls = e.Text, new(callReader)
	default:
		d.text = e.Text
	}
	if d.text == "" && d.logProbs == nil && d.calls == nil && d.ids == nil {
		return nil
	}
	return r.take(d)
}

func (r *reading) end(reply *model.Reply) error {
	d := delta{end: reply.FinishReason, usage: reply.Usage}
	if r.calls != nil {
		if call, ok := r.calls.rest(); ok {
			d.calls = []toolCall{call}
		}
		if reply.FinishReason == model.Stopped {
			d.end = "tool_calls"
		}
	}
	return r.take(d)
}

// toolCalls returns the token that begins calls of tools, NoToken if there is none.
func (f facts) toolCalls() tokenizer.Token {
	if f.tekken == nil {
		return engine.NoToken
	}
	return f.tekken.Control.ToolCalls
}

// A gathered choice is all of its deltas.
type gathered struct {
	text     strings.Builder
	logProbs []tokenLogProb
	ids      []tokenizer.Token
	calls    []toolCall
	end      string
}

// gather waits for all choices of an answer.
func (s *Server) gather(ctx context.Context, a asked) ([]gathered, *usage, error) {
	all, used := make([]gathered, a.choices), new(usage)
	err := s.answer(ctx, a, func(d delta) error {
		c := &all[d.choice]
		c.text.WriteString(d.text)
		c.logProbs = append(c.logProbs, d.logProbs...)
		c.ids = append(c.ids, d.ids...)
		c.calls = append(c.calls, d.calls...)
		if d.end != "" {
			c.end = d.end
			used.add(d.usage)
		}
		return nil
	})
	return all, used, err
}
