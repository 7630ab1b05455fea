package reference

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"pixtral-wgpu/model"
)

// Golden13 returns the tiny Pixtral of the specification, section 13, whose
// values were computed with mistral-inference's own modules: its sizes, its
// weights by name and its two images. Golden13Prompt is the prompt they go with.
func Golden13() (*model.Config, func(name string) ([]float32, error), []Image) {
	cfg := &model.Config{
		Dim: 24, Layers: 2, HeadDim: 8, HiddenDim: 40, Heads: 4, KVHeads: 2,
		NormEps: 1e-5, VocabSize: 64, RopeTheta: 1e9,
		VisionEncoder: &model.VisionEncoder{
			HiddenSize: 32, Channels: 3, ImageSize: 32, PatchSize: 4, RopeTheta: 1e4,
			IntermediateSize: 48, Layers: 2, Heads: 2,
			ImageTokenID: 10, ImageBreakTokenID: 12, ImageEndTokenID: 13,
			AdapterBias: true,
		},
	}
	return cfg, HashWeights(cfg), []Image{HashImage(1000, 8, 12), HashImage(1001, 12, 4)}
}

// Golden13Prompt returns the prompt of Golden13: two images of 2 by 3 and 3 by
// 1 patches, and a few other tokens.
func Golden13Prompt() []int32 {
	return []int32{1, 3, 10, 10, 10, 12, 10, 10, 10, 13, 10, 12, 10, 12, 10, 13, 20, 21, 4}
}

// HashWeights returns weights for any sizes, the same each time. Value i of the
// tensor whose name is number t of all in alphabetical order is Hash(t, i), in
// a range that keeps the pass lively: gains near 1, biases within 0.1, matrices
// within 1/sqrt(columns).
func HashWeights(cfg *model.Config) func(name string) ([]float32, error) {
	specs := cfg.Tensors()
	slices.SortFunc(specs, func(a, b model.TensorSpec) int { return strings.Compare(a.Name, b.Name) })
	return func(name string) ([]float32, error) {
		t := slices.IndexFunc(specs, func(s model.TensorSpec) bool { return s.Name == name })
		if t < 0 {
			return nil, fmt.Errorf("a model of these sizes has no tensor %s", name)
		}
		center, scale := 0.0, 1.0
		switch shape := specs[t].Shape; {
		case strings.HasSuffix(name, ".bias"):
			scale = 0.1
		case len(shape) == 1: // the gain of a norm
			center, scale = 1, 0.1
		case name != "tok_embeddings.weight":
			scale = 1 / math.Sqrt(float64(specs[t].Len()/shape[0]))
		}
		w := make([]float32, specs[t].Len())
		for i := range w {
			w[i] = float32(center + scale*Hash(uint32(t), uint32(i)))
		}
		return w, nil
	}
}

// HashImage returns an image whose value i is Hash(t, i).
func HashImage(t uint32, height, width int) Image {
	pixels := make([]float32, 3*height*width)
	for i := range pixels {
		pixels[i] = float32(Hash(t, uint32(i)))
	}
	return Image{Pixels: pixels, Height: height, Width: width}
}

// Hash returns a number of [-1, 1) that t and i scramble into: the generator of
// the specification, section 13.
func Hash(t, i uint32) float64 {
	x := i*0x9E3779B1 + t*0x85EBCA77
	x ^= x >> 15
	x *= 0x2C1B3C6D
	x ^= x >> 12
	x *= 0x297A2D39
	x ^= x >> 15
	return float64(x)/(1<<32)*2 - 1
}
