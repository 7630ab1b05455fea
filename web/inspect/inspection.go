package inspect

import (
	"context"
	"sync"
	"time"

	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

// An Inspection is a prompt and its answer, held so that any position of it can
// be looked at.
type Inspection struct {
	ID     string
	Prompt model.Prompt

	store   *Store
	context int
	used    time.Time

	mu      sync.Mutex // one thing at a time
	model   *model.Pixtral
	session *model.Session
	picker  *model.Picker
	freeTap func()
	stats   model.Stats
	answer  []Chosen
	ended   string // why the answer ended; "" if it may go on
	seen    *cache
}

// A Chosen is a token of the answer, with what else the model thought of.
type Chosen struct {
	Token   tokenizer.Token
	LogProb float32
	Top     []model.LogProb // the likeliest, likeliest first
}

const alternatives = 8 // of each token of the answer

// begin runs the prompt.
func (i *Inspection) begin(ctx context.Context, p *model.Pixtral) error {
	session, err := p.NewSession(model.SessionOptions{Context: i.context})
	if err != nil {
		return err
	}
	i.model, i.session = p, session
	session.Tap, i.freeTap = i.stats.Tap(p.Device())
	return session.Sync(ctx, i.Prompt)
}

// stretch is how many tokens are evaluated before others have their turn.
const stretch = 4

// follow appends tokens that are given.
func (i *Inspection) follow(ctx context.Context, answer []tokenizer.Token) error {
	for from := 0; from < len(answer); from += stretch {
		err := i.with(ctx, func(ctx context.Context, p *model.Pixtral) error {
			for _, tok := range answer[from:min(from+stretch, len(answer))] {
				if err := i.put(ctx, tok, nil); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// put appends a token of the answer.
func (i *Inspection) put(ctx context.Context, tok tokenizer.Token, logits []float32) (err error) {
	if logits == nil {
		if logits, err = i.session.Logits(); err != nil {
			return err
		}
	}
	if tok < 0 || int(tok) >= len(logits) {
		return outOf("token", int(tok), len(logits))
	}
	c := Chosen{Token: tok}
	c.LogProb, c.Top = model.LogProbs(logits, tok, alternatives)
	if err := i.session.Step(ctx, tok); err != nil {
		return err
	}
	i.picker.Accept(tok)
	i.ended = "" // a token that was forced goes on behind an end
	i.answer = append(i.answer, c)
	i.seen.forget("rollout")
	return nil
}

// Force appends a token that the model need not have chosen.
func (i *Inspection) Force(ctx context.Context, tok tokenizer.Token) error {
	return i.follow(ctx, []tokenizer.Token{tok})
}

// Step lets the model choose so many tokens more. It does nothing once the
// answer has ended.
func (i *Inspection) Step(ctx context.Context, n int) error {
	for range n {
		err := i.with(ctx, func(ctx context.Context, p *model.Pixtral) error {
			if i.ended != "" {
				return nil
			}
			if i.session.Len() >= i.session.Context()-1 {
				i.ended = model.Full
				return nil
			}
			logits, err := i.session.Logits()
			if err != nil {
				return err
			}
			tok, err := i.picker.Pick(logits, nil)
			if err != nil {
				return err
			}
			if p.Tokenizer.Ends(tok) {
				i.ended = model.Stopped
				return nil
			}
			return i.put(ctx, tok, logits)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// A State is an inspection as it stands.
type State struct {
	Context int // tokens that the session can hold
	Answer  []Chosen
	Ended   string // model.Stopped or model.Full; "" if the answer may go on
	Stats   map[string][]model.RowStat
}

// State returns how things stand.
func (i *Inspection) State() State {
	i.mu.Lock()
	defer i.mu.Unlock()
	stats := map[string][]model.RowStat{}
	for name, rows := range i.stats.ByName {
		stats[name] = rows[:len(rows):len(rows)]
	}
	return State{i.context, i.answer[:len(i.answer):len(i.answer)], i.ended, stats}
}

// len returns how many positions there are.
func (i *Inspection) len() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.Prompt.Tokens) + len(i.answer)
}

// tokens returns prompt and answer.
func (i *Inspection) tokens() model.Prompt {
	p := model.Prompt{Tokens: i.Prompt.Tokens[:len(i.Prompt.Tokens):len(i.Prompt.Tokens)], Images: i.Prompt.Images}
	for _, c := range i.answer {
		p.Tokens = append(p.Tokens, c.Token)
	}
	return p
}
