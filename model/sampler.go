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
func (s Sampler) pick(logits []float32, rng *rand.Rand) tokenizer.Token {
	best := argmax(logits)
	if s.greedy() {
		return best
	}
	list := make([]candidate, 0, len(logits))
	top := float64(logits[best])
	for i, l := range logits {
		w := math.Exp((float64(l) - top) / s.Temperature)
		if w > 0 && w >= s.MinP { // min-p cuts the same tail before or after the others
			list = append(list, candidate{tokenizer.Token(i), w})
		}
	}
	if len(list) == 0 {
		return best // the logits are not numbers
	}
	if s.TopK > 0 || s.TopP > 0 && s.TopP < 1 {
		list = s.cut(list)
	}
	return draw(list, rng)
}

// cut keeps the candidates within top-k and top-p, likeliest first.
func (s Sampler) cut(list []candidate) []candidate {
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.token, b.token))
	})
	if s.TopK > 0 {
		list = list[:min(s.TopK, len(list))]
	}
	if s.TopP == 0 || s.TopP >= 1 {
		return list
	}
	reach, sum := s.TopP*total(list), 0.0
	for i, c := range list {
		if sum += c.weight; sum >= reach {
			return list[:i+1] // the token that crosses is kept
		}
	}
	return list
}

func total(list []candidate) (sum float64) {
	for _, c := range list {
		sum += c.weight
	}
	return sum
}

// draw picks a candidate by weight.
func draw(list []candidate, rng *rand.Rand) tokenizer.Token {
	at := rng.Float64() * total(list)
	for _, c := range list {
		if at -= c.weight; at < 0 {
			return c.token
		}
	}
	return list[len(list)-1].token
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
