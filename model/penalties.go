package model

import (
	"fmt"
	"math"
	"math/rand/v2"

	"pixtral-wgpu/tokenizer"
)

func (s Sampler) checkPenalties() error {
	switch {
	case !(s.PresencePenalty >= -2 && s.PresencePenalty <= 2):
		return fmt.Errorf("a presence penalty of %g; it may be -2 to 2", s.PresencePenalty)
	case !(s.FrequencyPenalty >= -2 && s.FrequencyPenalty <= 2):
		return fmt.Errorf("a frequency penalty of %g; it may be -2 to 2", s.FrequencyPenalty)
	case !(s.RepetitionPenalty == 0 || s.RepetitionPenalty > 0 && s.RepetitionPenalty <= 10):
		return fmt.Errorf("a repetition penalty of %g; it may be 0 or 1 (off) to 10", s.RepetitionPenalty)
	}
	for tok, bias := range s.LogitBias {
		if !(bias >= -100 && bias <= 100) {
			return fmt.Errorf("a bias of %g on token %d; it may be -100 (never) to 100", bias, tok)
		}
		if tok < 0 {
			return fmt.Errorf("a bias on token %d; tokens are numbered from 0", tok)
		}
	}
	return nil
}

// A Picker picks the tokens of one answer. It remembers those picked, for the
// penalties.
type Picker struct {
	sampler Sampler
	rng     *rand.Rand
	prompt  map[tokenizer.Token]bool // nil unless repetition is penalised
	came    map[tokenizer.Token]int  // in the answer

	u     [2]float64 // the next draws, so many of which are made
	drawn int
	list  []candidate // kept, so that a token allocates nothing
}

// Picker returns the picker of an answer to a prompt.
func (s Sampler) Picker(prompt []tokenizer.Token) *Picker {
	p := &Picker{sampler: s, rng: s.random(), came: map[tokenizer.Token]int{}}
	if s.repetition() {
		p.prompt = map[tokenizer.Token]bool{}
		for _, tok := range prompt {
			p.prompt[tok] = true
		}
	}
	return p
}

func (s Sampler) repetition() bool { return s.RepetitionPenalty != 0 && s.RepetitionPenalty != 1 }

// Likeliest reports whether the token of the greatest logit is always picked,
// so that the device may find it.
func (p *Picker) Likeliest() bool {
	return p.sampler.greedy() && p.sampler.plain()
}

// plain reports whether the logits are taken as they are.
func (s Sampler) plain() bool {
	return s.PresencePenalty == 0 && s.FrequencyPenalty == 0 && !s.repetition() && len(s.LogitBias) == 0
}

// Pick picks the token that follows by its logits: [vocab], which it changes.
// If allowed is not nil, only tokens marked in it are picked.
func (p *Picker) Pick(logits []float32, allowed []bool) (tokenizer.Token, error) {
	p.penalise(logits)
	if allowed != nil && !restrict(logits, allowed) {
		return 0, fmt.Errorf("model: no token may follow")
	}
	tok := p.sampler.pick(logits, p.draw(0))
	p.pass()
	if allowed != nil && !allowed[tok] {
		return 0, fmt.Errorf("model: the logits are not numbers")
	}
	return tok, nil
}

// Accept tells the picker that a token became part of the answer.
func (p *Picker) Accept(tok tokenizer.Token) {
	if !p.sampler.plain() {
		p.came[tok]++
	}
}

// penalise changes the logits by the penalties and the bias. Presence and
// frequency count the answer alone, as OpenAI defined them; repetition counts
// the prompt too (CTRL, arXiv:1909.05858, section 4.1).
func (p *Picker) penalise(logits []float32) {
	s := p.sampler
	known := func(tok tokenizer.Token) bool { return tok >= 0 && int(tok) < len(logits) }
	repeat := func(tok tokenizer.Token) {
		if l := float64(logits[tok]); l > 0 {
			logits[tok] = float32(l / s.RepetitionPenalty)
		} else {
			logits[tok] = float32(l * s.RepetitionPenalty)
		}
	}
	if s.repetition() {
		for tok := range p.prompt {
			if known(tok) {
				repeat(tok)
			}
		}
		for tok := range p.came {
			if known(tok) && !p.prompt[tok] {
				repeat(tok)
			}
		}
	}
	if s.PresencePenalty != 0 || s.FrequencyPenalty != 0 {
		for tok, n := range p.came {
			if known(tok) {
				logits[tok] -= float32(s.PresencePenalty + float64(n)*s.FrequencyPenalty)
			}
		}
	}
	for tok, bias := range s.LogitBias {
		if known(tok) {
			logits[tok] += float32(bias)
		}
	}
}

// restrict takes the tokens that are not allowed out and reports whether any
// is left.
func restrict(logits []float32, allowed []bool) (any bool) {
	for i := range logits {
		if i < len(allowed) && allowed[i] {
			any = true
		} else {
			logits[i] = float32(math.Inf(-1))
		}
	}
	return any
}
