package model_test

import (
	"math"
	"strings"
	"testing"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/model/reference"
)

// A plan and the device's own ledger agree within 3 %, whatever the types.
func TestPlan(t *testing.T) {
	cfg, tensor, _ := reference.Golden13()
	c, err := reference.Checkpoint("golden13", cfg, tensor)
	check(t, err)
	for quant, o := range map[string]model.SessionOptions{"": {Context: 300}, "f16": {Context: 5000, KV: "f32", Chunk: 64}} {
		plan, err := c.Plan(quant, o)
		check(t, err)
		d := open(t, gpu.Options{ShardBytes: 2000})
		p, err := model.Load(t.Context(), d, c, model.LoadOptions{Quant: quant})
		check(t, err)
		s, err := p.NewSession(o)
		check(t, err)
		side := cfg.VisionEncoder.ImageSize
		img, err := pixels.FromPixels(make([]float32, 3*side*side), side, side, cfg.VisionEncoder.PatchSize)
		check(t, err)
		check(t, s.Sync(t.Context(), imagePrompt(cfg, img)))
		_, peak := d.Used()
		if off := math.Abs(float64(plan.Total())/float64(peak) - 1); off > 0.03 {
			t.Errorf("%q %+v: planned %d bytes, %d were used: %.1f %% off", quant, o, plan.Total(), peak, 100*off)
		}
		s.Close()
		p.Close()
	}
}

// imagePrompt returns a prompt of one image and nothing else.
func imagePrompt(c *model.Config, img *pixels.Patches) model.Prompt {
	p := model.Prompt{Images: []*pixels.Patches{img}}
	for row := range img.Grid.Rows {
		for range img.Grid.Cols {
			p.Tokens = append(p.Tokens, 10)
		}
		p.Tokens = append(p.Tokens, 12)
		if row == img.Grid.Rows-1 {
			p.Tokens[len(p.Tokens)-1] = 13
		}
	}
	return p
}

// Pixtral 12B's own arithmetic: 160 KiB of f16 keys and values a token, and the
// choices that people with so much memory get.
func TestAuto(t *testing.T) {
	c := model.Synthetic(model.Pixtral12B(), "", 1)
	plan, err := c.Plan("", model.SessionOptions{Context: 8192})
	check(t, err)
	if plan.Cache != 8192*160<<10 || math.Abs(float64(plan.Weights)/25365479424-1) > 0.001 {
		t.Errorf("the cache is %d bytes, the weights %d", plan.Cache, plan.Weights)
	}
	for gib, want := range map[float64]string{48: "", 24: "q8_0", 13: "q6_k", 11: "q5_k", 10: "q4_k"} {
		quant, plan, err := c.Auto(model.SessionOptions{}, uint64(gib*(1<<30)))
		if err != nil || quant != want {
			t.Errorf("with %g GiB: %q of %s (%v), want %q", gib, quant, gpu.Size(plan.Total()), err, want)
		}
	}
	if _, _, err := c.Auto(model.SessionOptions{}, 6<<30); err == nil || !strings.Contains(err.Error(), "--gpu-layers") {
		t.Errorf("with 6 GiB: %v", err)
	}
	fits, err := c.FitContext("q4_k", 0, model.SessionOptions{}, 12<<30)
	check(t, err)
	at, err := c.Plan("q4_k", model.SessionOptions{Context: fits})
	check(t, err)
	beyond, err := c.Plan("q4_k", model.SessionOptions{Context: fits + 200})
	check(t, err)
	if at.Total() > 12<<30 || beyond.Total() <= 12<<30 {
		t.Errorf("a context of %d takes %s, 200 more %s", fits, gpu.Size(at.Total()), gpu.Size(beyond.Total()))
	}
	if fits, err := c.FitContext("q4_k", 0, model.SessionOptions{}, 1<<30); fits != 0 || err != nil {
		t.Errorf("in 1 GiB a context of %d fits (%v)", fits, err)
	}
}
