package model

import (
	"context"

	"pixtral-wgpu/tokenizer"
)

// Score runs a prompt and then an answer that is given, and returns the
// logarithm of the probability that the model gave to each token of it. Run
// over a picture with a region hidden, it says how much the answer rests on
// what was there.
func (s *Session) Score(ctx context.Context, prompt Prompt, answer []tokenizer.Token) ([]float32, error) {
	if err := s.Sync(ctx, prompt); err != nil {
		return nil, err
	}
	list := make([]float32, 0, len(answer))
	for i, tok := range answer {
		logits, err := s.Logits()
		if err != nil {
			return nil, err
		}
		if tok < 0 || int(tok) >= len(logits) {
			return nil, s.Step(ctx, tok) // says what is wrong with it
		}
		logProb, _ := LogProbs(logits, tok, 0)
		list = append(list, logProb)
		if i+1 == len(answer) {
			break // nothing follows that wants its place in the cache
		}
		if err := s.Step(ctx, tok); err != nil {
			return nil, err
		}
	}
	return list, nil
}
