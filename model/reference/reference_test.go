package reference

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func tiny(t *testing.T) (*Model, []Image) {
	t.Helper()
	cfg, tensor, images := Golden13()
	m, err := New(cfg, tensor)
	if err != nil {
		t.Fatal(err)
	}
	return m, images
}

// TestNames holds the names and shapes of all values of a pass. They are what
// the pass on the device is compared by.
func TestNames(t *testing.T) {
	m, images := tiny(t)
	see, values := see(t)
	prompt := []int32{1, 10, 12, 10, 12, 10, 13, 4}
	if _, err := m.Forward(prompt, images[1:], see); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"images.0.pixels": "[3 12 4]", "vision.0.patch_conv": "[3 32]", "vision.0.ln_pre": "[3 32]",
		"adapter.0.inner": "[3 24]", "adapter.0.activated": "[3 24]", "adapter.0": "[3 24]",
		"embeddings": "[8 24]", "norm": "[8 24]", "logits": "[8 64]",
	}
	layer := func(scope string, rows, dim, queries, keys, hidden int) {
		want[scope] = fmt.Sprint([]int{rows, dim})
		for _, group := range []struct {
			width int
			names string
		}{
			{dim, "attention.normed attention.delta feed_forward.normed feed_forward.delta"},
			{queries, "attention.q attention.q_rotated attention.attended"},
			{keys, "attention.k attention.k_rotated attention.v"},
			{hidden, "feed_forward.gate feed_forward.up feed_forward.gated"},
		} {
			for _, name := range strings.Fields(group.names) {
				want[scope+"."+name] = fmt.Sprint([]int{rows, group.width})
			}
		}
	}
	for n := range 2 {
		layer(fmt.Sprintf("layers.%d", n), 8, 24, 32, 16, 40)
		layer(fmt.Sprintf("vision.0.layers.%d", n), 3, 32, 32, 32, 48)
	}
	got := map[string]string{}
	for name, v := range values {
		got[name] = fmt.Sprint(v.shape)
	}
	for name := range want {
		if got[name] == "" {
			t.Errorf("%s was not shown", name)
		}
	}
	for name, shape := range got {
		if shape != want[name] {
			t.Errorf("%s is %s, want %q", name, shape, want[name])
		}
	}
}

// TestApart changes what a value must not depend on.
func TestApart(t *testing.T) {
	m, images := tiny(t)
	prompt := Golden13Prompt()
	seeBoth, both := see(t)
	if _, err := m.Forward(prompt, images, seeBoth); err != nil {
		t.Fatal(err)
	}

	t.Run("an image from the other", func(t *testing.T) {
		see, alone := see(t)
		if _, err := m.Forward([]int32{10, 10, 10}, images[1:], see); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(alone["adapter.0"].data, both["adapter.1"].data) {
			t.Error("the second image has other rows beside the first")
		}
	})
	t.Run("a token from later ones", func(t *testing.T) {
		logits, err := m.Forward(prompt[:10], images[:1], nil)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(logits, both["logits"].data[:len(logits)]) {
			t.Error("the logits of the first ten tokens are others without the rest")
		}
	})
	t.Run("what was shown from what follows", func(t *testing.T) {
		x := both["embeddings"].data
		for i, v := range m.weights["tok_embeddings.weight"][24:48] {
			if x[i] != v {
				t.Fatal("the embedding of the first token, 1, was changed after it was shown")
			}
		}
	})
}

func TestErrors(t *testing.T) {
	m, images := tiny(t)
	odd := HashImage(0, 8, 10)
	short := Image{Pixels: odd.Pixels, Height: 8, Width: 12}
	for _, c := range []struct {
		tokens []int32
		images []Image
		want   string
	}{
		{nil, nil, "the prompt is empty"},
		{[]int32{1, 64}, nil, "token 1 is 64, which a vocabulary of 64 does not have"},
		{[]int32{-1}, nil, "token 0 is -1"},
		{[]int32{1, 10, 10}, nil, "the prompt has 2 image tokens, its 0 images 0 patches"},
		{[]int32{1, 10, 10}, images[1:], "the prompt has 2 image tokens, its 1 images 3 patches"},
		{[]int32{1}, images, "the prompt has 0 image tokens, its 2 images 9 patches"},
		{[]int32{10}, []Image{odd}, "image 0: is 10 by 8 pixels, want multiples of 4 up to 32"},
		{[]int32{10}, []Image{short}, "image 0: has 240 values, want 288"},
		{[]int32{10}, []Image{{}}, "image 0: is 0 by 0 pixels"},
		{[]int32{10}, []Image{HashImage(0, 36, 4)}, "image 0: is 4 by 36 pixels"},
	} {
		_, forward := m.Forward(c.tokens, c.images, nil)
		_, greedy := m.Greedy(c.tokens, c.images, 1)
		for _, err := range []error{forward, greedy} {
			if err == nil || !strings.HasPrefix(err.Error(), "reference: "+c.want) {
				t.Errorf("%v: %v, want %s", c.tokens, err, c.want)
			}
		}
	}

	cfg, tensor, _ := Golden13()
	broken := errors.New("broken")
	if _, err := New(cfg, func(string) ([]float32, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("a tensor that cannot be read: %v", err)
	}
	cut := func(name string) ([]float32, error) {
		w, err := tensor(name)
		return w[:len(w)-1], err
	}
	if _, err := New(cfg, cut); err == nil || !strings.Contains(err.Error(), "patch_conv.weight has 1535 values, want [32 3 4 4]") {
		t.Errorf("a tensor that is cut: %v", err)
	}
}

// TestTextOnly runs a model without an image encoder: token 10 means nothing
// to it.
func TestTextOnly(t *testing.T) {
	cfg, _, images := Golden13()
	cfg.VisionEncoder = nil
	m, err := New(cfg, HashWeights(cfg))
	if err != nil {
		t.Fatal(err)
	}
	if logits, err := m.Forward([]int32{1, 10}, nil, nil); err != nil || len(logits) != 2*64 {
		t.Errorf("%d logits, %v", len(logits), err)
	}
	if _, err := m.Forward([]int32{1, 10}, images, nil); err == nil || !strings.Contains(err.Error(), "image 0: this model reads text only") {
		t.Errorf("an image: %v", err)
	}
}
