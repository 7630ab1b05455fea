// Package reference is the whole of Pixtral in plain Go, on gpu/ref: a second
// telling of the pass, written apart from the one that runs on the device, so
// that neither can hide a mistake of the other. It is for small models: it
// keeps no cache and does each sum in float64.
//
// What the two share is the names of their values, by which they are compared.
package reference

import (
	"fmt"

	"pixtral-wgpu/gpu/ref"
	"pixtral-wgpu/model"
)

// A Model is a loaded checkpoint. It is not changed by its use.
type Model struct {
	cfg     *model.Config
	weights map[string][]float32
}

// An Image is what the encoder reads: normalised pixels, [3, Height, Width],
// with sides of whole patches.
type Image struct {
	Pixels        []float32
	Height, Width int
}

// A See is shown each value of the pass when it is made, with its name and
// shape. The data does not change afterwards, and is not to be changed.
type See func(name string, shape []int, data []float32)

// New asks tensor for each of cfg.Tensors() and checks its length.
func New(cfg *model.Config, tensor func(name string) ([]float32, error)) (*Model, error) {
	m := &Model{cfg: cfg, weights: map[string][]float32{}}
	for _, spec := range cfg.Tensors() {
		w, err := tensor(spec.Name)
		if err != nil {
			return nil, fmt.Errorf("reference: %s: %w", spec.Name, err)
		}
		if len(w) != spec.Len() {
			return nil, fmt.Errorf("reference: %s has %d values, want %v", spec.Name, len(w), spec.Shape)
		}
		m.weights[spec.Name] = w
	}
	return m, nil
}

// Forward runs the model over a prompt and returns the logits of each
// position, [len(tokens), vocab]. Image tokens take the patches of images, in
// order; their number must be the same. see may be nil.
//
// The names, with I for an image and N for a layer: images.I.pixels,
// vision.I.patch_conv, vision.I.ln_pre, vision.I.layers.N, adapter.I,
// embeddings, layers.N, norm, logits; within a layer attention.normed, q, k, v,
// q_rotated, k_rotated, attended and delta, and feed_forward.normed, gate, up,
// gated and delta; within an adapter inner and activated.
func (m *Model) Forward(tokens []int32, images []Image, see See) (logits []float32, err error) {
	if see == nil {
		see = func(string, []int, []float32) {}
	}
	x, err := m.embed(tokens, images, see)
	if err != nil {
		return nil, fmt.Errorf("reference: %w", err)
	}
	return m.decode(x, see), nil
}

// Greedy returns the n tokens that follow the prompt if each is the likeliest.
// It runs the whole decoder for each of them.
func (m *Model) Greedy(tokens []int32, images []Image, n int) ([]int32, error) {
	see := func(string, []int, []float32) {}
	x, err := m.embed(tokens, images, see)
	if err != nil {
		return nil, fmt.Errorf("reference: %w", err)
	}
	var chosen []int32
	for range n {
		logits := m.decode(x, see)
		best := ref.Argmax(logits[len(logits)-m.cfg.VocabSize:], m.cfg.VocabSize)
		chosen = append(chosen, int32(best[0]))
		x = append(x, ref.Embed(m.weights["tok_embeddings.weight"], best, m.cfg.Dim)...)
	}
	return chosen, nil
}

// embed returns what the decoder reads, [len(tokens), dim]: the embedding of
// each token, and the rows of the images in the places of image tokens.
func (m *Model) embed(tokens []int32, images []Image, see See) ([]float32, error) {
	ids, places, err := m.places(tokens)
	if err != nil {
		return nil, err
	}
	var rows []float32
	for i, image := range images {
		if err := m.check(image); err != nil {
			return nil, fmt.Errorf("image %d: %w", i, err)
		}
		rows = append(rows, m.adapt(m.encode(image, i, see), i, see)...)
	}
	if patches := len(rows) / m.cfg.Dim; patches != len(places) {
		return nil, fmt.Errorf("the prompt has %d image tokens, its %d images %d patches",
			len(places), len(images), patches)
	}
	x := ref.Embed(m.weights["tok_embeddings.weight"], ids, m.cfg.Dim)
	ref.Scatter(x, rows, places, m.cfg.Dim)
	see("embeddings", []int{len(tokens), m.cfg.Dim}, x)
	return x, nil
}

// places returns the tokens as rows of the vocabulary, and where among them the
// image tokens are.
func (m *Model) places(tokens []int32) (ids, places []uint32, err error) {
	if len(tokens) == 0 {
		return nil, nil, fmt.Errorf("the prompt is empty")
	}
	for i, id := range tokens {
		if id < 0 || int(id) >= m.cfg.VocabSize {
			return nil, nil, fmt.Errorf("token %d is %d, which a vocabulary of %d does not have", i, id, m.cfg.VocabSize)
		}
		ids = append(ids, uint32(id))
		if v := m.cfg.VisionEncoder; v != nil && id == v.ImageTokenID {
			places = append(places, uint32(i))
		}
	}
	return ids, places, nil
}

// decode returns the logits of each position. x: [n, dim], which it leaves as
// it is.
func (m *Model) decode(x []float32, see See) []float32 {
	n := len(x) / m.cfg.Dim
	t := tower{
		weights: m.weights, see: see,
		rows: n, eps: m.cfg.NormEps,
		heads: m.cfg.Heads, kvHeads: m.cfg.KVHeads, headDim: m.cfg.HeadDim,
		turns: model.TextTable(0, n, m.cfg.HeadDim, m.cfg.RopeTheta, m.cfg.RopeFactors), causal: true,
	}
	for layer := range m.cfg.Layers {
		scope := fmt.Sprintf("layers.%d", layer)
		x = t.layer(x, scope, scope)
	}
	x = ref.RMSNorm(x, m.weights["norm.weight"], m.cfg.NormEps)
	see("norm", []int{n, m.cfg.Dim}, x)
	logits := ref.Linear(x, m.weights["output.weight"], m.cfg.Dim)
	see("logits", []int{n, m.cfg.VocabSize}, logits)
	return logits
}
