package model

import (
	"math"
	"slices"
	"testing"

	"pixtral-wgpu/tokenizer"
)

func TestPenalties(t *testing.T) {
	for name, c := range map[string]struct {
		s    Sampler
		want []float32
	}{
		"none":       {Sampler{RepetitionPenalty: 1}, []float32{1, -1, 4, 0.5}},
		"presence":   {Sampler{PresencePenalty: 0.5}, []float32{1, -1.5, 3.5, 0.5}},
		"frequency":  {Sampler{FrequencyPenalty: 0.5}, []float32{1, -1.5, 3, 0.5}},
		"repetition": {Sampler{RepetitionPenalty: 2}, []float32{0.5, -2, 2, 0.5}}, // 0 is of the prompt
		"bias":       {Sampler{LogitBias: map[tokenizer.Token]float64{3: 2, 900: 1}}, []float32{1, -1, 4, 2.5}},
	} {
		p := c.s.Picker([]tokenizer.Token{0, 2})
		for _, tok := range []tokenizer.Token{1, 2, 2} {
			p.Accept(tok)
		}
		got := []float32{1, -1, 4, 0.5}
		if p.penalise(got); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if p.Likeliest() != (name == "none") {
			t.Errorf("%s: the device may find the token: %v", name, p.Likeliest())
		}
	}
	for _, s := range []Sampler{
		{PresencePenalty: 2.1}, {FrequencyPenalty: -3}, {RepetitionPenalty: -1}, {RepetitionPenalty: math.NaN()},
		{LogitBias: map[tokenizer.Token]float64{1: 101}}, {LogitBias: map[tokenizer.Token]float64{-1: 1}},
	} {
		if s.Check() == nil {
			t.Errorf("%+v is accepted", s)
		}
	}
}

func TestPickAllowed(t *testing.T) {
	for _, s := range []Sampler{{}, {Temperature: 1}, {Temperature: 1, TopP: 0.9, TopK: 2}} {
		p := s.Picker(nil)
		tok, err := p.Pick([]float32{5, 9, 1, 2}, []bool{false, false, true, false})
		if err != nil || tok != 2 {
			t.Errorf("%+v: %d, %v", s, tok, err)
		}
		if _, err := p.Pick([]float32{1, 2}, make([]bool, 2)); err == nil {
			t.Error("a token that is not allowed")
		}
	}
}

func TestLogProbs(t *testing.T) {
	logits := []float32{}
	for _, p := range []float64{0.0625, 0.25, 0.5, 0.125, 0.0625} {
		logits = append(logits, float32(math.Log(p)+7))
	}
	got, top := LogProbs(logits, 3, 4)
	if math.Abs(float64(got)-math.Log(0.125)) > 1e-6 {
		t.Errorf("%g, want %g", got, math.Log(0.125))
	}
	var order []tokenizer.Token
	for _, l := range top {
		order = append(order, l.Token)
	}
	if !slices.Equal(order, []tokenizer.Token{2, 1, 3, 0}) || math.Abs(float64(top[0].LogProb)-math.Log(0.5)) > 1e-6 {
		t.Errorf("%v", top)
	}
	if _, top := LogProbs(logits, 0, 99); len(top) != 5 {
		t.Errorf("%d of 5", len(top))
	}
	if _, top := LogProbs(logits, 0, 0); len(top) != 0 {
		t.Errorf("%v of none", top)
	}
}
