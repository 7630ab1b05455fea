package model_test

import (
	"slices"
	"testing"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

// Layers in host memory give the same tokens in less device memory, as planned,
// from a file that its owner has closed.
func TestStreamed(t *testing.T) {
	prompt := model.Prompt{Tokens: []tokenizer.Token{1, 3, 89, 78, 30, 108, 40, 4}}
	o := model.SessionOptions{Context: 64, KV: "f32"}
	for _, quant := range []string{"", "f16", "q8_0"} {
		var want []tokenizer.Token
		var before uint64
		for _, streamed := range []int{0, 1, 2} {
			c, err := model.OpenCheckpoint("testdata/hf_a")
			check(t, err)
			plan, err := c.PlanStreamed(quant, streamed, o)
			check(t, err)
			d := open(t, gpu.Options{ShardBytes: 3000})
			p, err := model.Load(t.Context(), d, c, model.LoadOptions{Quant: quant, Streamed: streamed})
			check(t, err)
			if now, _ := d.Used(); now != plan.Weights+plan.Fixed {
				t.Errorf("%q, %d streamed: %d bytes on the device, planned %d", quant, streamed, now, plan.Weights+plan.Fixed)
			}
			check(t, c.Close())
			got := greedy(t, p, o, prompt, 32)
			if streamed == 0 {
				want, before = got, plan.Weights
			} else if !slices.Equal(got, want) {
				t.Errorf("%q, %d streamed: %v, want %v", quant, streamed, got, want)
			}
			if streamed == 2 && plan.Weights >= before {
				t.Errorf("%q: %d bytes with all layers on the host, %d with none", quant, plan.Weights, before)
			}
			p.Close()
			if now, _ := d.Used(); now != gpu.FixedBytes {
				t.Errorf("%d bytes are still in use", now)
			}
		}
	}
	c, err := model.OpenCheckpoint("testdata/hf_a")
	check(t, err)
	defer c.Close()
	if _, err := model.Load(t.Context(), open(t, gpu.Options{}), c, model.LoadOptions{Streamed: 3}); err == nil {
		t.Error("three of two layers: no error")
	}
}
