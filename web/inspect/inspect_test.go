package inspect

import (
	"context"
	"errors"
	"image"
	"math"
	"os"
	"strings"
	"testing"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/model/pocket"
	"pixtral-wgpu/tokenizer"
)

// alone is an engine that does nothing else.
type alone struct{ p *model.Pixtral }

func (a *alone) Exclusive(ctx context.Context, f func(ctx context.Context, p *model.Pixtral) error) error {
	return f(ctx, a.p)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T) (*alone, Ask) {
	t.Helper()
	d, err := gpu.Open(gpu.Options{})
	check(t, err)
	t.Cleanup(d.Close)
	c, err := model.ParseCheckpoint("pocket", pocket.Params, pocket.Weights, pocket.Tekken)
	check(t, err)
	p, err := model.Load(t.Context(), d, c, model.LoadOptions{})
	check(t, err)
	data, err := os.ReadFile("../../model/pocket/examples/red-circle.png")
	check(t, err)
	picture, err := pixels.Decode(data, pixels.Options{})
	check(t, err)
	img, err := pixels.Preprocess(picture, p.Config.VisionEncoder.PatchSize, p.Config.VisionEncoder.ImageSize)
	check(t, err)
	chat := &tokenizer.Chat{Model: p.Name, Messages: []tokenizer.Message{tokenizer.UserMessage(tokenizer.Image("it"), tokenizer.Text("What is this?"))}}
	prompt, err := p.EncodeChat(chat, []*pixels.Patches{img})
	check(t, err)
	return &alone{p}, Ask{Prompt: prompt}
}

// What an inspection generates, another follows with the same likelihoods; rows
// sum to 1; a hidden circle makes the answer unlikely.
func TestInspection(t *testing.T) {
	e, ask := open(t)
	s := New(e, Options{})
	defer s.Close()
	ask.Steps = 16
	i, err := s.Open(t.Context(), ask)
	check(t, err)
	state := i.State()
	if state.Ended != model.Stopped || len(state.Answer) == 0 {
		t.Fatalf("%+v", state)
	}
	follow := Ask{Prompt: ask.Prompt}
	for _, c := range state.Answer {
		follow.Answer = append(follow.Answer, c.Token)
	}
	again, err := s.Open(t.Context(), follow)
	check(t, err)
	for n, c := range again.State().Answer {
		if math.Abs(float64(c.LogProb-state.Answer[n].LogProb)) > 1e-4 {
			t.Errorf("token %d followed has log-probability %g, generated %g", n, c.LogProb, state.Answer[n].LogProb)
		}
	}
	sums := func(what string, row []float32) {
		sum := 0.0
		for _, v := range row {
			sum += float64(v)
		}
		if math.Abs(sum-1) > 1e-4 {
			t.Errorf("%s sums to %g", what, sum)
		}
	}
	last := len(ask.Prompt.Tokens) + len(follow.Answer) - 1
	v, err := again.Attention(t.Context(), last, nil, ops.EachHead)
	check(t, err)
	for layer := range v.Layers {
		for h := range v.Heads {
			sums("a row", v.Row(layer, h))
		}
	}
	o, err := again.Rollout(t.Context())
	check(t, err)
	sums("a rollout", o.Row(len(o.Layers)-1, last))
	patch, err := again.Patch(t.Context(), 0, 7, nil, ops.MeanHead)
	check(t, err)
	sums("a patch's row", patch.Row(0, 0))
	h, err := again.Hide(t.Context(), 0, image.Rect(28, 20, 89, 81))
	check(t, err)
	change := 0.0
	for n := range h.After {
		change += float64(h.After[n]) - float64(h.Before[n])
	}
	if change > -1 || strings.Contains(h.Text, "red") {
		t.Errorf("without the circle the answer changes by %g, and is %q", change, h.Text)
	}
	kernels, rates, err := again.Timeline(t.Context())
	check(t, err)
	if len(kernels) < 10 || !(rates.ReadGBs > 0 && rates.GFLOPs > 0) {
		t.Errorf("%d kernels, %+v", len(kernels), rates)
	}
	var fault *Fault
	for name, err := range map[string]error{
		"position": second(again.Attention(t.Context(), last+1, nil, ops.EachHead)),
		"patch":    second(again.Patch(t.Context(), 0, 48, nil, ops.EachHead)),
		"image":    second(again.Hide(t.Context(), 1, image.Rect(0, 0, 9, 9))),
		"region":   second(again.Hide(t.Context(), 0, image.Rect(500, 0, 600, 9))),
		"layer":    second(again.LensImage(t.Context(), 0, 99)),
		"lens":     second(again.Lens(t.Context(), -1, 3)),
	} {
		if !errors.As(err, &fault) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[V any](_ V, err error) error { return err }

// Inspections are bounded, and give back what they took; on another device they
// are gone.
func TestBounded(t *testing.T) {
	e, ask := open(t)
	s := New(e, Options{Most: 2})
	before, _ := e.p.Device().Used()
	var first *Inspection
	for range 4 {
		i, err := s.Open(t.Context(), ask)
		check(t, err)
		if first == nil {
			first = i
		}
	}
	if s.Len() != 2 {
		t.Errorf("%d are open", s.Len())
	}
	if _, err := s.Get(first.ID); !errors.Is(err, ErrGone) {
		t.Errorf("the first is still there: %v", err)
	}
	if err := first.Step(t.Context(), 1); !errors.Is(err, ErrGone) {
		t.Errorf("a step of what is gone: %v", err)
	}
	s.Close()
	if now, _ := e.p.Device().Used(); now != before {
		t.Errorf("%d bytes stay in use", now-before)
	}
	i, err := s.Open(t.Context(), ask)
	check(t, err)
	lost := e.p
	e.p = &model.Pixtral{}
	if err := i.Step(t.Context(), 1); !errors.Is(err, ErrGone) {
		t.Errorf("a step on a device that was lost: %v", err)
	}
	e.p = lost
	s.Close()
	var context *model.ContextError
	ask.Steps = 1 << 20
	if _, err := s.Open(t.Context(), ask); !errors.As(err, &context) {
		t.Errorf("steps beyond the context: %v", err)
	}
	if now, _ := e.p.Device().Used(); now != before {
		t.Errorf("%d bytes stay in use", now-before)
	}
}

func TestCache(t *testing.T) {
	c := newCache(10)
	c.put("a", 1, 4)
	c.put("b", 2, 4)
	c.get("a")
	c.put("c", 3, 4)
	c.put("large", 4, 11)
	if c.get("a") != 1 || c.get("b") != nil || c.get("c") != 3 || c.get("large") != nil || c.bytes != 8 {
		t.Errorf("%+v", c)
	}
	c.forget("a")
	if c.get("a") != nil || c.bytes != 4 {
		t.Errorf("%+v", c)
	}
}

// counted is an engine that counts how often it is asked, and may do something
// each time.
type counted struct {
	*alone
	n  int
	do func(n int)
}

func (c *counted) Exclusive(ctx context.Context, f func(ctx context.Context, p *model.Pixtral) error) error {
	c.n++
	if c.do != nil {
		c.do(c.n)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.alone.Exclusive(ctx, f)
}

// The device's ceilings are measured sample by sample, others between them, and
// once; who leaves in the middle leaves nothing behind.
func TestCeilingsLetOthersIn(t *testing.T) {
	one, _ := open(t)
	e := &counted{alone: one}
	s := New(e, Options{})
	defer s.Close()
	before, _ := one.p.Device().Used()
	ctx, leave := context.WithCancel(t.Context())
	e.do = func(n int) {
		if n == 4 {
			leave()
		}
	}
	if _, err := s.ceilings(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("left in the middle: %v", err)
	}
	if now, _ := one.p.Device().Used(); now != before {
		t.Errorf("%d bytes on the device before, %d after", before, now)
	}
	e.n, e.do = 0, nil
	rates, err := s.ceilings(t.Context())
	check(t, err)
	if e.n < 20 || rates.ReadGBs <= 0 || rates.GFLOPs <= 0 {
		t.Errorf("%+v in %d parts", rates, e.n)
	}
	e.n = 0
	if again, err := s.ceilings(t.Context()); err != nil || again != rates || e.n != 0 {
		t.Errorf("the second time: %v, %+v, %d parts", err, again, e.n)
	}
}
