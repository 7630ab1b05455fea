package model_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/model/reference"
	"pixtral-wgpu/tokenizer"
)

// Activations of 1e5, which half floats cannot hold, go through the whole pass,
// watched and not, of images and of text, in prompts and in answers: in the
// residual stream, in SwiGLU, and in what the encoder hands on.
func TestOutliers(t *testing.T) {
	cfg, tensor, images := reference.Golden13()
	loud := func(name string) ([]float32, error) {
		w, err := tensor(name)
		if err != nil {
			return nil, err
		}
		w = slices.Clone(w)
		louder := func(channel, cols int, by float32) {
			for i := range w {
				if i%cols == channel {
					w[i] *= by
				}
			}
		}
		switch {
		case name == "tok_embeddings.weight":
			louder(3, cfg.Dim, 3e4)
		case name == "vision_language_adapter.w_out.weight": // its row 3, which makes the same channel
			for i := 3 * cfg.Dim; i < 4*cfg.Dim; i++ {
				w[i] *= 3e4 // half floats still hold the weights
			}
		case strings.HasSuffix(name, ".feed_forward.w1.weight"), strings.HasSuffix(name, ".feed_forward.w3.weight"):
			cols := cfg.Dim
			if strings.HasPrefix(name, "vision_encoder") {
				cols = cfg.VisionEncoder.HiddenSize
			}
			for i := range cols { // row 0: products of 1e5
				w[i] *= 1e3
			}
		}
		return w, nil
	}
	here, err := reference.New(cfg, loud)
	check(t, err)
	loudest := float32(0)
	ids := reference.Golden13Prompt()
	want, err := here.Forward(ids, images, func(name string, _ []int, v []float32) {
		if !strings.HasSuffix(name, "pixels") {
			loudest = max(loudest, slices.Max(v), -slices.Min(v))
		}
	})
	check(t, err)
	t.Logf("activations of up to %g", loudest)
	if loudest < 1e5 {
		t.Fatalf("activations reach %g only", loudest)
	}
	want = want[len(want)-cfg.VocabSize:]
	prompt := model.Prompt{}
	for _, id := range ids {
		prompt.Tokens = append(prompt.Tokens, tokenizer.Token(id))
	}
	for _, img := range images {
		patches, err := pixels.FromPixels(img.Pixels, img.Height, img.Width, cfg.VisionEncoder.PatchSize)
		check(t, err)
		prompt.Images = append(prompt.Images, patches)
	}
	c, err := reference.Checkpoint("loud", cfg, loud)
	check(t, err)
	d := open(t, gpu.Options{})
	for _, quant := range []string{"", "f16"} {
		p, err := model.Load(t.Context(), d, c, model.LoadOptions{Quant: quant})
		check(t, err)
		for kv, allowed := range map[string]float64{"f32": 1e-5, "f16": 1e-4} {
			if quant != "" {
				allowed = 2e-3 // the weights are rounded
			}
			for _, chunk := range []int{0, 5} {
				for name, tap := range map[string]gpu.Tap{"watched": watch, "not watched": nil} {
					s, err := p.NewSession(model.SessionOptions{Context: 64, KV: kv, Chunk: chunk})
					check(t, err)
					s.Tap = tap
					short := prompt
					short.Tokens = prompt.Tokens[:len(prompt.Tokens)-1]
					check(t, s.Sync(t.Context(), short))
					check(t, s.Step(t.Context(), prompt.Tokens[len(short.Tokens)])) // the last by itself, as in an answer
					got, err := s.Logits()
					check(t, err)
					what := fmt.Sprintf("weights %q, cache %s, chunk %d, %s", quant, kv, chunk, name)
					off := reference.Distance(got, want)
					t.Logf("%s: off by %.1e", what, off)
					if !(off < allowed) || math.IsNaN(off) {
						t.Errorf("%s: off by %.1e", what, off)
					}
					s.Close()
				}
			}
		}
		p.Close()
	}
}
