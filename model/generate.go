package model

import (
	"cmp"
	"context"
	"iter"
	"time"

	"pixtral-wgpu/tokenizer"
)

// Why an answer ended.
const (
	Stopped = "stop"   // the model ended it, or a stop text came
	Full    = "length" // it reached its bound, or the context is full
)

// Generate yields the tokens that follow what the session holds: until the
// end-of-sequence token, which is not yielded, until most of them (0 means no
// bound), until the context is full, or until ctx is done, which is an error.
// All tokens yielded but the last have been evaluated.
func (s *Session) Generate(ctx context.Context, smp Sampler, most int) iter.Seq2[tokenizer.Token, error] {
	return func(yield func(tokenizer.Token, error) bool) {
		if _, err := s.generate(ctx, smp, most, func(tok tokenizer.Token) bool { return yield(tok, nil) }); err != nil {
			yield(0, err)
		}
	}
}

// generate is Generate that says why it ended.
func (s *Session) generate(ctx context.Context, smp Sampler, most int, yield func(tokenizer.Token) bool) (string, error) {
	prompt := make([]tokenizer.Token, len(s.held))
	for i, p := range s.held {
		prompt[i] = p.Token
	}
	picker := smp.Picker(prompt)
	if s.ahead(picker) {
		return s.generateAhead(ctx, picker, most, yield)
	}
	for n := 1; ; n++ {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		tok, err := s.next(picker)
		switch {
		case err != nil:
			return "", err
		case s.p.Tokenizer != nil && s.p.Tokenizer.Ends(tok), !yield(tok):
			return Stopped, nil
		case n == most, s.Len() == s.Context():
			return Full, nil
		}
		picker.Accept(tok)
		if err := s.Step(ctx, tok); err != nil {
			return "", err
		}
	}
}

// next picks the token that follows.
func (s *Session) next(picker *Picker) (tokenizer.Token, error) {
	if picker.Likeliest() {
		return s.Best()
	}
	if t, ok := picker.Listed(); ok && s.decoder.listing() && !s.options.AllLogits {
		if _, err := s.last(); err != nil {
			return 0, err
		}
		s.heat[0] = t
		lists, err := s.decoder.shortlists(s.p.dev, s.Clock, s.heat[:])
		if err != nil {
			return 0, err
		}
		if tok, ok := picker.PickListed(lists[0]); ok {
			return tok, nil
		}
	}
	logits, err := s.Logits()
	if err != nil {
		return 0, err
	}
	return picker.Pick(logits, nil)
}

// A Request is a prompt to be answered.
type Request struct {
	Prompt    Prompt
	Sampler   Sampler
	MaxTokens int      // of the answer; 0 means until the model ends or the context is full
	Stop      []string // texts that end the answer and are not part of it
}

// A Reply is what became of a request.
type Reply struct {
	Text         string
	Tokens       []tokenizer.Token // without the one that ended it
	FinishReason string            // Stopped or Full
	Usage        Usage
	Timings      Timings
}

// Usage counts tokens.
type Usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	ImageTokens      int `json:"image_tokens"`  // of the prompt's
	CachedTokens     int `json:"cached_tokens"` // of the prompt's, not evaluated again
	CompletionTokens int `json:"completion_tokens"`
}

// Timings says how long the parts of a reply took.
type Timings struct {
	Prompt time.Duration // until the first token was known
	Answer time.Duration // from then on
}

// Reply answers a request; without a tokenizer it gives tokens and no text. emit is given the text piece by piece, whole UTF-8
// and never a part of a stop text; an error of it ends the answer and is
// returned. With an error the Reply holds what was made until then.
func (s *Session) Reply(ctx context.Context, req Request, emit func(piece string) error) (*Reply, error) {
	reply := &Reply{Usage: Usage{PromptTokens: len(req.Prompt.Tokens), ImageTokens: req.Prompt.ImageTokens()}}
	if err := req.Sampler.Check(); err != nil {
		return reply, err
	}
	start := time.Now()
	if err := s.Sync(ctx, req.Prompt); err != nil {
		return reply, err
	}
	reply.Usage.CachedTokens = s.kept
	w := s.p.NewWriter(req.Stop, emit)
	var first time.Time
	reason, err := s.generate(ctx, req.Sampler, req.MaxTokens, func(tok tokenizer.Token) bool {
		if first.IsZero() {
			first = time.Now()
		}
		reply.Tokens = append(reply.Tokens, tok)
		return w.Write(tok)
	})
	if first.IsZero() {
		first = time.Now()
	}
	reply.Text, reply.FinishReason = w.End(), reason
	reply.Usage.CompletionTokens = len(reply.Tokens)
	reply.Timings = Timings{Prompt: first.Sub(start), Answer: time.Since(first)}
	return reply, cmp.Or(err, w.err)
}
