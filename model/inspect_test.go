package model_test

import (
	"fmt"
	"image"
	"maps"
	"math"
	"slices"
	"testing"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/ref"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/model/reference"
	"pixtral-wgpu/tokenizer"
)

// watched is what the Go reference makes of golden13's prompt, by name.
func watched(t *testing.T) map[string][]float32 {
	t.Helper()
	cfg, tensor, images := reference.Golden13()
	m, err := reference.New(cfg, tensor)
	check(t, err)
	values := map[string][]float32{}
	_, err = m.Forward(reference.Golden13Prompt(), images, func(name string, _ []int, data []float32) { values[name] = data })
	check(t, err)
	return values
}

func golden13Prompt(t *testing.T, d *gpu.Device) (*model.Pixtral, model.Prompt) {
	p, images := golden13(t, d)
	prompt := model.Prompt{Images: images}
	for _, id := range reference.Golden13Prompt() {
		prompt.Tokens = append(prompt.Tokens, tokenizer.Token(id))
	}
	return p, prompt
}

// rowsEqual compares attention rows with those of the reference and checks that
// each sums to 1.
func rowsEqual(t *testing.T, what string, got, want []float32, sums bool) {
	t.Helper()
	sum := 0.0
	for i, v := range got {
		sum += float64(v)
		if math.Abs(float64(v-want[i])) > 1e-4 {
			t.Errorf("%s: key %d is %g, want %g", what, i, v, want[i])
		}
	}
	if sums && math.Abs(sum-1) > 1e-4 {
		t.Errorf("%s sums to %g", what, sum)
	}
}

// Every attention row of every position, layer and head, folded or not, is the
// reference's; so is the residual stream. Visiting changes nothing.
func TestVisit(t *testing.T) {
	want := watched(t)
	for name, o := range configurations {
		t.Run(name, func(t *testing.T) {
			p, prompt := golden13Prompt(t, open(t, o))
			c := p.Config
			s, err := p.NewSession(model.SessionOptions{Context: 40, KV: "f32", Chunk: 7})
			check(t, err)
			defer s.Close()
			check(t, s.Sync(t.Context(), prompt))
			before, err := s.Logits()
			check(t, err)
			for position := range prompt.Tokens {
				for _, fold := range []ops.Fold{ops.EachHead, ops.MeanHead, ops.MaxHead} {
					v, err := s.Visit(t.Context(), position, model.Look{Heads: fold})
					check(t, err)
					for layer := range c.Layers {
						scope := fmt.Sprintf("layers.%d.", layer)
						width, together := c.Heads*c.HeadDim, 1
						if fold != ops.EachHead {
							together = c.Heads
						}
						q := want[scope+"attention.q_rotated"][position*width : (position+1)*width]
						k := want[scope+"attention.k_rotated"][:(position+1)*c.KVHeads*c.HeadDim]
						rows := ref.AttentionRows(q, k, c.Heads, c.KVHeads, c.HeadDim, true, position, together, fold == ops.MaxHead)
						for h := range v.Heads {
							rowsEqual(t, fmt.Sprintf("position %d, fold %d, %shead %d", position, fold, scope, h),
								v.Row(layer, h), rows[h*v.Keys:], fold != ops.MaxHead)
						}
						if x := v.Residual[(layer+1)*c.Dim : (layer+2)*c.Dim]; reference.Distance(x, want[scope[:len(scope)-1]][position*c.Dim:][:c.Dim]) > 1e-4 {
							t.Errorf("position %d: the residual after layer %d differs", position, layer)
						}
					}
				}
			}
			after, err := s.Logits()
			check(t, err)
			if reference.Distance(after, before) > 1e-5 {
				t.Error("the logits are others after the visits")
			}
			best, err := s.Best()
			check(t, err)
			step, err := s.StepAndLook(t.Context(), best, model.Look{Layers: []int{1}})
			check(t, err)
			again, err := s.Visit(t.Context(), len(prompt.Tokens), model.Look{Layers: []int{1}})
			check(t, err)
			if len(step.Attention) != c.Heads*step.Keys || reference.Distance(step.Attention, again.Attention) > 1e-5 {
				t.Error("a step and a visit see different things")
			}
			for _, bad := range []int{-1, s.Len()} {
				if _, err := s.Visit(t.Context(), bad, model.Look{}); err == nil {
					t.Errorf("position %d is visited", bad)
				}
			}
			if _, err := s.Visit(t.Context(), 0, model.Look{Layers: []int{2}}); err == nil {
				t.Error("layer 2 of 2 is looked at")
			}
		})
	}
}

func TestVisitPatch(t *testing.T) {
	want := watched(t)
	p, prompt := golden13Prompt(t, open(t, gpu.Options{}))
	v := p.Config.VisionEncoder
	for index, img := range prompt.Images {
		for patch := range img.Grid.Patches() {
			look, err := p.VisitPatch(t.Context(), img, patch, model.Look{})
			check(t, err)
			for layer := range v.Layers {
				scope := fmt.Sprintf("vision.%d.layers.%d.", index, layer)
				q := want[scope+"attention.q_rotated"][patch*v.HiddenSize : (patch+1)*v.HiddenSize]
				rows := ref.AttentionRows(q, want[scope+"attention.k_rotated"], v.Heads, v.Heads, v.HeadDim(), false, 0, 1, false)
				for h := range v.Heads {
					rowsEqual(t, fmt.Sprintf("image %d, patch %d, %shead %d", index, patch, scope, h), look.Row(layer, h), rows[h*look.Keys:], true)
				}
			}
			if x := look.Residual[v.Layers*v.HiddenSize:]; reference.Distance(x, want[fmt.Sprintf("vision.%d.layers.%d", index, v.Layers-1)][patch*v.HiddenSize:][:v.HiddenSize]) > 1e-4 {
				t.Errorf("image %d, patch %d: the residual differs", index, patch)
			}
		}
	}
}

func TestStats(t *testing.T) {
	want := watched(t)
	p, prompt := golden13Prompt(t, open(t, gpu.Options{}))
	s, err := p.NewSession(model.SessionOptions{Context: 40, Chunk: 7})
	check(t, err)
	defer s.Close()
	var stats model.Stats
	tap, free := stats.Tap(p.Device())
	defer free()
	s.Tap = tap
	check(t, s.Sync(t.Context(), prompt))
	names := []string{"embeddings", "layers.0", "layers.1", "vision.0.ln_pre", "vision.1.layers.1", "adapter.0", "adapter.1"}
	for _, name := range names {
		cols := p.Config.Dim
		if name[0] == 'v' {
			cols = p.Config.VisionEncoder.HiddenSize
		}
		w := ref.RowStats(want[name], cols)
		got := stats.ByName[name]
		if len(got) != len(w)/4 {
			t.Fatalf("%s has %d rows, want %d", name, len(got), len(w)/4)
		}
		for i, g := range got {
			if math.Abs(float64(g.Norm-w[4*i])) > 1e-3*float64(w[4*i]) || math.Abs(float64(g.Max-w[4*i+1])) > 1e-3*float64(w[4*i+1]) ||
				g.Channel != int(w[4*i+2]) || g.Odd != 0 {
				t.Errorf("%s row %d is %+v, want %v", name, i, g, w[4*i:4*i+4])
			}
		}
	}
	if n := len(stats.ByName); n != 1+2+2*(1+2+1) {
		t.Errorf("%d values are gathered: %v", n, slices.Sorted(maps.Keys(stats.ByName)))
	}
}

func TestRollout(t *testing.T) {
	want := watched(t)
	p, prompt := golden13Prompt(t, open(t, gpu.Options{}))
	c, n, from := p.Config, len(prompt.Tokens), 15
	got, err := p.Rollout(t.Context(), prompt, from)
	check(t, err)
	x := make([]float32, n*n)
	for i := range n {
		x[i*n+i] = 1
	}
	for layer := range c.Layers {
		scope := fmt.Sprintf("layers.%d.attention.", layer)
		a := ref.AttentionRows(want[scope+"q_rotated"], want[scope+"k_rotated"], c.Heads, c.KVHeads, c.HeadDim, true, 0, c.Heads, false)
		x = ref.Rollout(a, x, n)
		for i := from; i < n; i++ {
			rowsEqual(t, fmt.Sprintf("rollout of %d at layer %d", i, layer), got.Row(layer, i), x[i*n:(i+1)*n], true)
		}
	}
	seen, err := p.RolloutImage(t.Context(), prompt.Images[0])
	check(t, err)
	for patch := range prompt.Images[0].Grid.Patches() {
		rowsEqual(t, "rollout of a patch", seen.Row(1, patch), seen.Row(1, patch), true)
	}
}

// The lens at the last layer is the model's own answer; hidden pictures are
// other pictures; a score is what stepping says.
func TestLensAndScore(t *testing.T) {
	p, prompt := golden13Prompt(t, open(t, gpu.Options{}))
	s, err := p.NewSession(model.SessionOptions{Context: 40, KV: "f32"})
	check(t, err)
	defer s.Close()
	check(t, s.Sync(t.Context(), prompt))
	logits, err := s.Logits()
	check(t, err)
	best, top := model.LogProbs(logits, 5, 3)
	v, err := s.Visit(t.Context(), s.Len()-1, model.Look{NoAttention: true})
	check(t, err)
	lens, err := p.Lens(t.Context(), v.Residual, 3)
	check(t, err)
	if len(lens) != p.Config.Layers+1 {
		t.Fatalf("%d rows of the lens", len(lens))
	}
	for i, g := range lens[p.Config.Layers] {
		if g.Token != top[i].Token || math.Abs(float64(g.LogProb-top[i].LogProb)) > 1e-4 {
			t.Errorf("the lens sees %+v at last, the model says %+v", g, top[i])
		}
	}
	rows, err := p.Residuals(t.Context(), prompt, 0)
	check(t, err)
	dim := p.Config.Dim
	if reference.Distance(rows[len(rows)-dim:], v.Residual[dim:2*dim]) > 1e-3 {
		t.Error("the residuals of all positions and of one differ")
	}

	answer := []tokenizer.Token{5, top[0].Token, 9}
	scores, err := s.Score(t.Context(), prompt, answer)
	check(t, err)
	if len(scores) != 3 || math.Abs(float64(scores[0]-best)) > 1e-4 {
		t.Errorf("scores %v, the first is %g by the logits", scores, best)
	}
	again, err := s.Score(t.Context(), prompt, answer)
	check(t, err)
	if reference.Distance(again, scores) > 1e-5 {
		t.Errorf("scored again: %v, then %v", scores, again)
	}
	img := prompt.Images[0]
	if same := img.Hide(image.Rect(90, 90, 100, 100)); same.Hash != img.Hash {
		t.Error("nothing is hidden, and the picture is another")
	}
	hidden := prompt
	hidden.Images = []*pixels.Patches{img.Hide(image.Rect(0, 0, 4, 4)), prompt.Images[1]}
	other, err := s.Score(t.Context(), hidden, answer)
	check(t, err)
	if reference.Distance(other, scores) < 1e-6 {
		t.Error("what is hidden makes no difference")
	}
	spans, err := s.Timeline(t.Context())
	check(t, err)
	if len(spans) < 10 || spans[0].Kernel == "" {
		t.Errorf("a timeline of %d kernels", len(spans))
	}
}
