package engine

import (
	"context"
	"fmt"
	"time"

	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

// A Request is a prompt to be answered.
type Request struct {
	Prompt      model.Prompt
	Sampler     model.Sampler
	MaxTokens   int      // of the answer; 0 means until the model ends or the context is full
	Stop        []string // texts that end the answer and are not part of it
	LogProbs    bool     // give the log-probability of each token, by the model's own distribution
	TopLogProbs int      // with LogProbs: and those of so many of the likeliest tokens, at most 20
	Allow       Masker   // nil: any token may follow
	Client      string   // who asks: of those that wait, clients take turns; "" is one of them
}

// A Masker says which tokens may follow. Only one goroutine calls it at a time.
type Masker interface {
	Mask(allowed []bool)        // marks the tokens that may follow: [vocab], all false before
	Accept(tok tokenizer.Token) // tok was chosen; it does not end the answer
	Done() bool                 // nothing but the end may follow
}

// NoToken is the token of an event that only carries text which was held back.
const NoToken tokenizer.Token = -1

// An Event is one token of an answer.
type Event struct {
	Token   tokenizer.Token // or NoToken, in the last event
	Text    string          // whole UTF-8 to append; may be empty; never part of a stop text
	LogProb float32         // with Request.LogProbs
	Top     []model.LogProb // the likeliest tokens, likeliest first
}

// Check reports what is wrong with a request before it is queued.
func (r *Request) Check(c *model.Config) error {
	if r.MaxTokens < 0 {
		return fmt.Errorf("engine: an answer of at most %d tokens; it may be 0 (no bound) or more", r.MaxTokens)
	}
	if r.LogProbs && (r.TopLogProbs < 0 || r.TopLogProbs > 20) {
		return fmt.Errorf("engine: the log-probabilities of %d tokens; it may be 0 to 20", r.TopLogProbs)
	}
	if err := r.Sampler.Check(); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	return c.Check(r.Prompt)
}

// check is Check, and whether the prompt fits the context.
func (e *Engine) check(r *Request) error {
	if err := r.Check(e.Model().Config); err != nil {
		return err
	}
	if n, most := len(r.Prompt.Tokens), e.context; n >= most {
		return &model.ContextError{Tokens: n, Fits: most - 1} // and one for the answer
	}
	return nil
}

// Generate queues the request and gives emit its tokens as they come, on the
// caller's goroutine: a slow emit holds up nobody else. An error of emit ends
// the answer and is returned. With ErrBusy nothing was queued. When ctx is
// done, the request's work stops within a step. With an error the reply, if it
// is not nil, holds what was made until then.
func (e *Engine) Generate(ctx context.Context, req Request, emit func(Event) error) (*model.Reply, error) {
	if err := e.check(&req); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t := &task{ctx: ctx, req: req, queued: time.Now(), signal: make(chan struct{}, 1)}
	if err := e.enqueue(t); err != nil {
		return nil, err
	}
	gone := ctx.Done()
	var failed error // of emit
	for {
		events, ended := t.take()
		for _, event := range events {
			if failed == nil && emit != nil {
				if failed = emit(event); failed != nil {
					cancel()
				}
			}
		}
		if ended {
			if failed != nil {
				return t.reply, failed
			}
			return t.reply, t.err
		}
		select {
		case <-t.signal:
		case <-gone:
			gone = nil
			e.withdraw(t)
			e.nudge()
		}
	}
}
