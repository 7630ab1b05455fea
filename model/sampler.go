package model

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"pixtral-wgpu/tokenizer"
)

// A Sampler says how the next token is picked. The zero value picks the
// likeliest.
type Sampler struct {
	Temperature float64 // 0 picks the likeliest; above 1 is wilder than the model
	TopK        int     // keep so many of the likeliest; 0 keeps all
	TopP        float64 // keep the likeliest that together reach so much probability; 0 and 1 keep all
	MinP        float64 // keep those at least so likely as the likeliest times this; 0 keeps all
	Seed        uint64

	PresencePenalty   float64                     // taken from the logit of each token of the answer so far; 0 is off
	FrequencyPenalty  float64                     // the same for each time that it came; 0 is off
	RepetitionPenalty float64                     // divides the positive logits of tokens of the prompt and the answer, multiplies the others; 0 and 1 are off
	LogitBias         map[tokenizer.Token]float64 // added to the logits of tokens
}

// Check reports a value out of its range.
func (s Sampler) Check() error {
	switch {
	case !(s.Temperature >= 0 && s.Temperature <= 100):
		return fmt.Errorf("a temperature of %g; it may be 0 to 100", s.Temperature)
	case s.TopK < 0:
		return fmt.Errorf("a top-k of %d; it may be 0 (off) or more", s.TopK)
	case !(s.TopP >= 0 && s.TopP <= 1):
		return fmt.Errorf("a top-p of %g; it may be 0 (off) to 1", s.TopP)
	case !(s.MinP >= 0 && s.MinP <= 1):
		return fmt.Errorf("a min-p of %g; it may be 0 (off) to 1", s.MinP)
	}
	return s.checkPenalties()
}

// greedy reports whether the likeliest token is always picked.
func (s Sampler) greedy() bool { return s.Temperature == 0 || s.TopK == 1 }

// random returns the source of a generation's choices.
func (s Sampler) random() *rand.Rand { return rand.New(rand.NewPCG(s.Seed, 0)) }

// A candidate is a token and its weight, relative to the likeliest's 1.
type candidate struct {
	token  tokenizer.Token
	weight float64
}

// pick draws a token from softmax(logits / temperature), cut by top-k, then
// top-p, then min-p. Of equals the lower id comes first, so that a seed gives
// the same text everywhere the logits are the same.
//
// u, from 0 to below 1, is the draw.
func (s Sampler) pick(logits []float32, u float64) tokenizer.Token {
	best := argmax(logits)
	if s.greedy() {
		return best
	}
	list := make([]candidate, 0, len(logits))
	var head []candidate // those that seldom leave a question open
	sum := 0.0
	for i, l := range logits {
		c := candidate{tokenizer.Token(i), s.weigh(l, logits[best])}
		if c.weight > 0 && c.weight >= s.MinP { // min-p cuts the same tail before or after the others
			list, sum = append(list, c), sum+c.weight
			if c.weight > 1e-3 {
				head = append(head, c)
			}
		}
	}
	if len(list) == 0 {
		return best // the logits are not numbers
	}
	if tok, ok := s.draw(head, len(head) == len(list), sum, 0, u); ok {
		return tok
	}
	tok, _ := s.draw(list, true, sum, 0, u)
	return tok
}

// weigh returns the weight of a logit beside the largest.
func (s Sampler) weigh(logit, largest float32) float64 {
	return math.Exp((float64(logit) - float64(largest)) / s.Temperature)
}

// draw picks the candidate at the part u of those that top-k and top-p keep,
// likeliest first. list holds the likeliest of all candidates, in any order, or
// all of them. It returns false if the token depends on others, or on sum, the
// weight of all, being truer than to a part of slack.
func (s Sampler) draw(list []candidate, all bool, sum, slack, u float64) (tokenizer.Token, bool) {
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.token, b.token))
	})
	if s.TopK > 0 {
		if s.TopK > len(list) && !all {
			return 0, false
		}
		list, all = list[:min(s.TopK, len(list))], true
	}
	if all {
		sum, slack = total(list), 0
	}
	if s.TopP > 0 && s.TopP < 1 {
		n, ok := reaching(list, s.TopP*sum, slack)
		if !ok && !all {
			return 0, false
		}
		list, all = list[:n], true
		sum, slack = total(list), 0
	}
	n, ok := reaching(list, u*sum, slack)
	if !ok && !all {
		return 0, false
	}
	return list[n-1].token, true
}

// reaching returns how many of the list together weigh so much, and whether that
// is sure; all of them, if they do not.
func reaching(list []candidate, weight, slack float64) (n int, sure bool) {
	sum := 0.0
	for i, c := range list {
		before := sum
		if sum += c.weight; sum >= weight*(1-slack) {
			return i + 1, before < weight*(1-slack) && sum >= weight*(1+slack)
		}
	}
	return len(list), false
}

func total(list []candidate) (sum float64) {
	for _, c := range list {
		sum += c.weight
	}
	return sum
}

// argmax returns the index of the largest logit, the lowest of equals.
func argmax(logits []float32) tokenizer.Token {
	best := 0
	for i, l := range logits {
		if l > logits[best] {
			best = i
		}
	}
	return tokenizer.Token(best)
}
