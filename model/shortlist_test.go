package model

import (
	"fmt"
	"slices"
	"testing"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/tokenizer"
)

// By shortlists the same tokens are picked as by all logits, whatever the
// sampler, and the logits are seldom asked for.
func TestShortlists(t *testing.T) {
	d, err := gpu.Open(gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	c := &Config{Dim: 256, Layers: 1, HeadDim: 32, HiddenDim: 256, Heads: 4, KVHeads: 2, NormEps: 1e-5, VocabSize: 20000, RopeTheta: 1e4}
	p, err := Load(t.Context(), d, Synthetic(c, "q8_0", 3), LoadOptions{Noise: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	// The weights are random and the logits alike: cold samplers are as others are of a real model.
	samplers := []Sampler{
		{Temperature: 0.05}, {Temperature: 0.2}, {Temperature: 1}, {Temperature: 0.2, TopP: 0.9}, {Temperature: 0.3, TopP: 0.5},
		{Temperature: 1, TopK: 50}, {Temperature: 1, TopK: 200}, {Temperature: 1, TopK: 40, TopP: 0.9, MinP: 0.1},
		{Temperature: 0.5, MinP: 0.2}, {Temperature: 1, MinP: 0.01}, {Temperature: 0.7, TopK: 20, LogitBias: map[tokenizer.Token]float64{7: 100}},
	}
	told, asked := 0, 0
	for _, smp := range samplers {
		t.Run(fmt.Sprintf("%+v", smp), func(t *testing.T) {
			s, err := p.NewSession(SessionOptions{Context: 64})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.Sync(t.Context(), Prompt{Tokens: []tokenizer.Token{1, 2, 3}}); err != nil {
				t.Fatal(err)
			}
			smp.Seed = 11
			with, without := smp.Picker(nil), smp.Picker(nil)
			for range 20 {
				logits, err := s.Logits()
				if err != nil {
					t.Fatal(err)
				}
				if best, err := s.Best(); err != nil || best != argmax(logits) {
					t.Fatalf("the likeliest is %d, want %d (%v)", best, argmax(logits), err)
				}
				if temperature, ok := with.Listed(); ok {
					lists, err := s.decoder.shortlists(d, nil, []float64{temperature})
					if err != nil {
						t.Fatal(err)
					}
					asked++
					u := with.draw(0)
					if _, ok := with.PickListed(lists[0]); ok {
						told++
					}
					with.u[0], with.drawn = u, 1 // it is picked again below, by the same draw
				}
				tok, err := s.next(with)
				if err != nil {
					t.Fatal(err)
				}
				if want, _ := without.Pick(logits, nil); tok != want {
					t.Fatalf("token %d, want %d", tok, want)
				}
				if err := s.Step(t.Context(), tok); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	t.Logf("%d of %d tokens by shortlists", told, asked)
	t.Run("ahead", func(t *testing.T) { drawnAhead(t, p, samplers) })
	if told < asked/2 {
		t.Errorf("only %d of %d tokens by shortlists", told, asked)
	}
}

// Answers whose tokens the device draws are those of the host, and it seldom
// draws another.
func drawnAhead(t *testing.T, p *Pixtral, samplers []Sampler) {
	aheadAnywhere = true
	defer func() { aheadAnywhere = false }()
	guesses, right := 0, 0
	for _, smp := range samplers {
		smp.Seed = 5
		var lists [2][]tokenizer.Token
		var logits [2][]float32
		for i := range lists {
			aheadAnywhere = i == 1
			s, err := p.NewSession(SessionOptions{Context: 64})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.Sync(t.Context(), Prompt{Tokens: []tokenizer.Token{4, 5}}); err != nil {
				t.Fatal(err)
			}
			for tok, err := range s.Generate(t.Context(), smp, 16) {
				if err != nil {
					t.Fatal(err)
				}
				lists[i] = append(lists[i], tok)
			}
			if logits[i], err = s.Logits(); err != nil {
				t.Fatal(err)
			}
			picker := smp.Picker(nil)
			boxes, err := s.decoder.mailboxes(p.dev)
			if err != nil || !s.ahead(picker) {
				continue
			}
			for range 10 {
				if err := s.begin(boxes[0], picker); err != nil {
					t.Fatal(err)
				}
				_, ok, err := s.arrive(boxes[0], picker)
				if err != nil {
					t.Fatal(err)
				}
				if guesses++; ok {
					right++
				}
			}
		}
		if !slices.Equal(lists[0], lists[1]) || !slices.Equal(logits[0], logits[1]) {
			t.Errorf("%+v: %v, want %v", smp, lists[1], lists[0])
		}
	}
	t.Logf("%d of %d draws are right", right, guesses)
	if right < guesses/2 {
		t.Errorf("only %d of %d draws are right", right, guesses)
	}
}
