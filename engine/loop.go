package engine

import (
	"context"
	"errors"
	"time"

	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

// loop owns the device until the engine is closed.
func (e *Engine) loop(s *model.Session) {
	defer close(e.ended)
	defer s.Close()
	for {
		e.serveCalls()
		if t := e.next(); t != nil {
			e.answer(s, t)
			continue
		}
		select {
		case <-e.wake:
		case <-e.ctx.Done():
			e.refuseAll()
			return
		}
	}
}

// next takes the first task of the queue.
func (e *Engine) next() *task {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.waiting) == 0 || e.closed {
		return nil
	}
	t := e.waiting[0]
	e.waiting = e.waiting[1:]
	return t
}

// refuseAll ends what still waits.
func (e *Engine) refuseAll() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range e.waiting {
		t.end(nil, ErrClosed)
	}
	for _, c := range e.calls {
		c.done <- ErrClosed
	}
	e.waiting, e.calls = nil, nil
}

// answer runs one request to its end.
func (e *Engine) answer(s *model.Session, t *task) {
	e.count(func(s *Stats) { s.Running++ })
	ctx, cancel := context.WithCancel(t.ctx)
	defer context.AfterFunc(e.ctx, cancel)()
	reply, err := e.generate(ctx, s, t)
	cancel()
	if e.ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = ErrClosed
	}
	e.count(func(s *Stats) {
		s.Running--
		s.Requests++
		switch {
		case t.ctx.Err() != nil:
			s.Cancelled++
		case err != nil:
			s.Failed++
		}
		s.PromptTokens += uint64(reply.Usage.PromptTokens)
		s.CachedTokens += uint64(reply.Usage.CachedTokens)
		s.CompletionTokens += uint64(reply.Usage.CompletionTokens)
	})
	t.end(reply, err)
}

func (e *Engine) generate(ctx context.Context, s *model.Session, t *task) (*model.Reply, error) {
	req, p := t.req, e.model
	reply := &model.Reply{Usage: model.Usage{PromptTokens: len(req.Prompt.Tokens), ImageTokens: req.Prompt.ImageTokens()}}
	if err := s.Sync(ctx, req.Prompt); err != nil {
		return reply, err
	}
	picker := req.Sampler.Picker(req.Prompt.Tokens)
	var piece string
	w := p.NewWriter(req.Stop, func(text string) error { piece += text; return nil })
	first, last := time.Time{}, t.queued
	finish := func(reason string) (*model.Reply, error) {
		piece = ""
		reply.Text, reply.FinishReason = w.End(), reason
		if piece != "" {
			t.add(Event{Token: NoToken, Text: piece})
		}
		reply.Usage.CompletionTokens = len(reply.Tokens)
		if !first.IsZero() {
			reply.Timings = model.Timings{Prompt: first.Sub(t.queued), Answer: time.Since(first)}
		}
		return reply, nil
	}
	for {
		tok, event, err := pick(s, picker, &req)
		if err != nil {
			reply, _ = finish("")
			return reply, err
		}
		now := time.Now()
		e.count(func(s *Stats) {
			if first.IsZero() {
				s.FirstToken.add(now.Sub(last))
			} else {
				s.InterToken.add(now.Sub(last))
			}
		})
		if first.IsZero() {
			first = now
		}
		last = now
		if p.Tokenizer != nil && p.Tokenizer.Ends(tok) {
			return finish(model.Stopped)
		}
		picker.Accept(tok)
		if req.Allow != nil {
			req.Allow.Accept(tok)
		}
		reply.Tokens = append(reply.Tokens, tok)
		piece = ""
		more := w.Write(tok)
		event.Text = piece
		t.add(event)
		switch {
		case !more || req.Allow != nil && req.Allow.Done():
			return finish(model.Stopped)
		case len(reply.Tokens) == req.MaxTokens, s.Len() == s.Context():
			return finish(model.Full)
		}
		if err := s.Step(ctx, tok); err != nil {
			reply, _ = finish("")
			return reply, err
		}
	}
}

// pick picks the token that follows.
func pick(s *model.Session, picker *model.Picker, req *Request) (tokenizer.Token, Event, error) {
	if picker.Likeliest() && req.Allow == nil && !req.LogProbs {
		tok, err := s.Best()
		return tok, Event{Token: tok}, err
	}
	logits, err := s.Logits()
	if err != nil {
		return 0, Event{}, err
	}
	raw := logits
	if req.LogProbs {
		raw = append([]float32(nil), logits...) // the picker changes them
	}
	var allowed []bool
	if req.Allow != nil {
		allowed = make([]bool, len(logits))
		req.Allow.Mask(allowed)
	}
	tok, err := picker.Pick(logits, allowed)
	event := Event{Token: tok}
	if err == nil && req.LogProbs {
		event.LogProb, event.Top = model.LogProbs(raw, tok, req.TopLogProbs)
	}
	return tok, event, err
}
