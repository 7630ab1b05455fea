package model_test

import (
	"math"
	"testing"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

// A model of random bits, made on the device, computes finite logits in every
// type, and not the same for every token.
func TestNoise(t *testing.T) {
	d, err := gpu.Open(gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	c := &model.Config{Dim: 256, Layers: 2, HeadDim: 32, HiddenDim: 512, Heads: 4, KVHeads: 2, NormEps: 1e-5, VocabSize: 300, RopeTheta: 1e4}
	for _, f := range quant.Formats {
		p, err := model.Load(t.Context(), d, model.Synthetic(c, f.Name, 0), model.LoadOptions{Quant: f.Name, Noise: true})
		if err != nil {
			t.Fatal(f.Name, err)
		}
		s, err := p.NewSession(model.SessionOptions{Context: 16})
		if err == nil {
			err = s.Sync(t.Context(), model.Prompt{Tokens: []tokenizer.Token{1, 7, 299}})
		}
		if err != nil {
			t.Fatal(f.Name, err)
		}
		logits, err := s.Logits()
		if err != nil {
			t.Fatal(f.Name, err)
		}
		sum, squares := 0.0, 0.0
		for _, v := range logits {
			sum, squares = sum+float64(v), squares+float64(v)*float64(v)
		}
		mean := sum / float64(len(logits))
		if deviation := math.Sqrt(squares/float64(len(logits)) - mean*mean); !(deviation > 0.05 && deviation < 20) {
			t.Errorf("%s: logits deviate by %g from their mean of %g", f.Name, deviation, mean)
		}
		s.Close()
		p.Close()
	}
}
