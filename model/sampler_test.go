package model

import (
	"math"
	"testing"

	"pixtral-wgpu/tokenizer"
)

// Each cut keeps exactly what it says, and what is kept is drawn as often as
// its probability.
func TestSampler(t *testing.T) {
	// Probabilities 0.5, 0.25, 0.125, 0.0625, 0.0625 at temperature 1.
	logits := []float32{}
	for _, p := range []float64{0.0625, 0.25, 0.5, 0.125, 0.0625} {
		logits = append(logits, float32(math.Log(p)))
	}
	for name, c := range map[string]struct {
		s    Sampler
		want []float64 // by token
	}{
		"greedy":             {Sampler{}, []float64{0, 0, 1, 0, 0}},
		"plain":              {Sampler{Temperature: 1}, []float64{0.0625, 0.25, 0.5, 0.125, 0.0625}},
		"top-k of 2":         {Sampler{Temperature: 1, TopK: 2}, []float64{0, 1. / 3, 2. / 3, 0, 0}},
		"top-k of 1":         {Sampler{Temperature: 9, TopK: 1}, []float64{0, 0, 1, 0, 0}},
		"top-k beyond":       {Sampler{Temperature: 1, TopK: 99}, []float64{0.0625, 0.25, 0.5, 0.125, 0.0625}},
		"top-p below first":  {Sampler{Temperature: 1, TopP: 0.3}, []float64{0, 0, 1, 0, 0}},
		"top-p crosses":      {Sampler{Temperature: 1, TopP: 0.8}, []float64{0, 2. / 7, 4. / 7, 1. / 7, 0}},
		"top-p of equals":    {Sampler{Temperature: 1, TopP: 0.9}, []float64{1. / 15, 4. / 15, 8. / 15, 2. / 15, 0}},
		"min-p":              {Sampler{Temperature: 1, MinP: 0.3}, []float64{0, 1. / 3, 2. / 3, 0, 0}},
		"hot":                {Sampler{Temperature: 2, TopK: 2}, []float64{0, 1 / (1 + math.Sqrt2), math.Sqrt2 / (1 + math.Sqrt2), 0, 0}},
		"cold":               {Sampler{Temperature: 0.01}, []float64{0, 0, 1, 0, 0}},
		"top-k, then top-p":  {Sampler{Temperature: 1, TopK: 2, TopP: 0.6}, []float64{0, 0, 1, 0, 0}},
		"all cuts at a time": {Sampler{Temperature: 1, TopK: 4, TopP: 0.99, MinP: 0.2}, []float64{0, 2. / 7, 4. / 7, 1. / 7, 0}},
	} {
		const draws = 20000
		rng := c.s.random()
		count := make([]float64, len(logits))
		for range draws {
			count[c.s.pick(logits, rng.Float64())]++
		}
		for tok, want := range c.want {
			got := count[tok] / draws
			if math.Abs(got-want) > 0.02 || want == 0 && got > 0 {
				t.Errorf("%s: token %d is drawn %.3f of the time, want %.3f", name, tok, got, want)
			}
		}
	}
}

func TestSamplerSeed(t *testing.T) {
	logits := make([]float32, 1000)
	draw := func(seed uint64) (list [20]tokenizer.Token) {
		s := Sampler{Temperature: 1, TopP: 0.9, Seed: seed}
		rng := s.random()
		for i := range list {
			list[i] = s.pick(logits, rng.Float64())
		}
		return list
	}
	if first, again := draw(7), draw(7); first != again {
		t.Error("a seed gives different tokens")
	}
	if draw(7) == draw(8) {
		t.Error("different seeds give the same tokens")
	}
}

func TestSamplerCheck(t *testing.T) {
	nan := math.NaN()
	for _, s := range []Sampler{{Temperature: -1}, {Temperature: nan}, {TopK: -1}, {TopP: 1.1}, {TopP: nan}, {MinP: -0.1}, {MinP: nan}} {
		if s.Check() == nil {
			t.Errorf("%+v is accepted", s)
		}
	}
	if err := (Sampler{Temperature: 0.35, TopP: 1, TopK: 50, MinP: 0.05}).Check(); err != nil {
		t.Error(err)
	}
	// Logits that are no numbers must not hang or crash.
	bad := []float32{float32(nan), float32(nan)}
	s := Sampler{Temperature: 1, TopP: 0.5}
	if tok := s.pick(bad, 0.5); tok != 0 {
		t.Errorf("of no numbers %d is picked", tok)
	}
}
