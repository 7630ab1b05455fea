package model

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"pixtral-wgpu/model/gguf"
)

// What llama.cpp calls the keys of params.json, under llama. and clip.vision.;
// gguf-py, constants.py, Keys.
var (
	ggufLlama = []rename{
		{"dim", "embedding_length", ""},
		{"n_layers", "block_count", ""},
		{"head_dim", "attention.key_length", ""}, // embedding_length / attention.head_count
		{"hidden_dim", "feed_forward_length", ""},
		{"n_heads", "attention.head_count", ""},
		{"n_kv_heads", "attention.head_count_kv", ""}, // as many as heads
		{"norm_eps", "attention.layer_norm_rms_epsilon", ""},
		{"rope_theta", "rope.freq_base", "10000"},
		{"vocab_size", "vocab_size", ""}, // rows of token_embd
	}
	ggufClip = []rename{
		{"hidden_size", "embedding_length", ""},
		{"num_channels", "", "3"},
		{"image_size", "image_size", ""},
		{"patch_size", "patch_size", ""},
		{"intermediate_size", "feed_forward_length", ""},
		{"num_hidden_layers", "block_count", ""},
		{"num_attention_heads", "attention.head_count", ""},
	}
)

// Keys of other models, and the value that means none of it.
var (
	ggufLlamaFeatures = []feature{
		{"expert_count", 0.0},
		{"attention.sliding_window", 0.0},
		{"attention.scale", nil},
		{"attention.causal", true},
		{"rope.scaling.type", "none"},
		{"rope.scale_linear", 1.0},
	}
	ggufClipFeatures = []feature{
		{"has_audio_encoder", false},
		{"use_gelu", false},
		{"vision.spatial_merge_size", 1.0},
	}
)

const (
	ggufArchitecture = "llama"
	ggufFactors      = "rope_freqs.weight" // a tensor that is part of the config
)

// isMMProj reports whether a file holds an image encoder.
func isMMProj(f *gguf.File) bool {
	return f.Fields().String("general.architecture", "") == "clip"
}

// parseGGUF reads the sizes of a text model.
func parseGGUF(f *gguf.File) (*Config, error) {
	m := f.Fields()
	architecture := m.String("general.architecture")
	switch {
	case m.Err() != nil:
		return nil, m.Err()
	case architecture == "clip":
		return nil, errors.New("this is an mmproj, the image encoder alone; name the text model, with this file after it")
	case architecture != ggufArchitecture:
		return nil, fmt.Errorf("general.architecture is %q; models of %q are read, the family of Llama and Mistral", architecture, ggufArchitecture)
	}
	o := ggufObject(f, ggufArchitecture+".")
	o.refuse(ggufLlamaFeatures)
	c := o.ggufText(f)
	if *o.err == nil {
		*o.err = c.readFactors(f)
	}
	_, head := f.Tensor("output.weight")
	c.TiedEmbeddings = !head
	return c, *o.err
}

// ggufText reads the keys under llama.
func (o *object) ggufText(f *gguf.File) *Config {
	t := o.renamed(ggufLlama)
	if embeddings, ok := f.Tensor("token_embd.weight"); ok && len(embeddings.Dims) == 2 && !t.has("vocab_size") {
		t.keys["vocab_size"] = raw(embeddings.Dims[0])
	}
	if !t.has("n_kv_heads") {
		t.keys["n_kv_heads"] = t.keys["n_heads"]
	}
	if !t.has("head_dim") {
		t.deriveHeadDim()
	}
	c := t.textDecoder()
	for _, key := range []string{"rope.dimension_count", "attention.value_length"} {
		width := c.HeadDim
		o.read(key, &width, "a whole number")
		if width != c.HeadDim {
			o.fail(key, "is %d, but a head has %d values", width, c.HeadDim)
		}
	}
	return c
}

// readFactors reads what the angles of each pair are divided by, which
// llama.cpp's converter works out of Llama 3.1's config.
func (c *Config) readFactors(f *gguf.File) error {
	t, ok := f.Tensor(ggufFactors)
	if !ok {
		return nil
	}
	if t.Type != gguf.F32 || !slices.Equal(t.Dims, []int{c.HeadDim / 2}) {
		return fmt.Errorf("%s is %v %v, want F32 [%d]; convert the model again", ggufFactors, t.Type, t.Dims, c.HeadDim/2)
	}
	factors := make([]float32, c.HeadDim/2)
	if _, err := binary.Decode(t.Data, binary.LittleEndian, factors); err != nil {
		return fmt.Errorf("%s: %w", ggufFactors, err)
	}
	for i, v := range factors {
		if !(v >= minFactor && v <= maxFactor) { // NaN neither
			return fmt.Errorf("%s: value %d is %v, want %v to %v; convert the model again", ggufFactors, i, v, minFactor, maxFactor)
		}
	}
	c.RopeFactors = factors
	return nil
}

// addMMProj reads the sizes of the image encoder that belongs to the text.
// Nothing changes with an error.
func (c *Config) addMMProj(f, text *gguf.File) error {
	m := f.Fields()
	kind := m.String("clip.projector_type", m.String("clip.vision.projector_type", ""))
	dim := m.Uint("clip.vision.projection_dim", c.Dim)
	silu, vision := m.Bool("clip.use_silu", false), m.Bool("clip.has_vision_encoder", false)
	eps := m.Float("clip.vision.attention.layer_norm_epsilon", VisionNormEps)
	switch {
	case m.Err() != nil:
		return m.Err()
	case !isMMProj(f) || !vision:
		return errors.New("there is no image encoder in it; the second file must be an mmproj")
	case kind != "pixtral":
		return fmt.Errorf("clip.projector_type is %q, want \"pixtral\"", kind)
	case dim != c.Dim:
		return fmt.Errorf("clip.vision.projection_dim is %d, but the text model has %d; they are of different models", dim, c.Dim)
	case !silu:
		return errors.New("clip.use_silu is not true; Pixtral's encoder has no other activation")
	case float32(eps) != VisionNormEps:
		return fmt.Errorf("clip.vision.attention.layer_norm_epsilon is %v, want %v", eps, VisionNormEps)
	}
	if err := checkNormalisation(m); err != nil {
		return err
	}
	o := ggufObject(f, "clip.")
	o.refuse(ggufClipFeatures)
	v := ggufObject(f, "clip.vision.")
	v.err = o.err
	v = v.renamed(ggufClip)
	if err := v.addImageTokens(text); err != nil {
		return err
	}
	_, bias := f.Tensor("mm.1.bias")
	encoder := v.visionEncoder(c.VocabSize, bias)
	if *o.err != nil {
		return *o.err
	}
	c.VisionEncoder = encoder
	return nil
}

// addImageTokens looks the special tokens up by name. A text without vocabulary
// has Pixtral's ids.
func (o *object) addImageTokens(text *gguf.File) error {
	m := text.Fields()
	tokens := m.Strings("tokenizer.ggml.tokens", nil)
	if tokens == nil {
		return m.Err()
	}
	for _, token := range []struct{ key, name string }{
		{"image_token_id", "[IMG]"}, {"image_break_token_id", "[IMG_BREAK]"}, {"image_end_token_id", "[IMG_END]"},
	} {
		id := slices.Index(tokens, token.name)
		if id < 0 {
			return fmt.Errorf("the text model's vocabulary has no %s; they are of different models", token.name)
		}
		o.keys[token.key], o.called[token.key] = raw(id), token.name
	}
	return nil
}

// checkNormalisation compares how a file wants pixels with what package pixels
// does: CLIP's mean and deviation.
func checkNormalisation(m *gguf.Fields) error {
	near := func(a, b float64) bool { return math.Abs(a-b) < 1e-6 }
	for _, c := range []struct {
		key  string
		want []float64
	}{
		{"clip.vision.image_mean", []float64{0.48145466, 0.4578275, 0.40821073}},
		{"clip.vision.image_std", []float64{0.26862954, 0.26130258, 0.27577711}},
	} {
		got := m.Floats(c.key, c.want)
		if !slices.EqualFunc(got, c.want, near) && m.Err() == nil {
			return fmt.Errorf("%s is %v, want %v", c.key, got, c.want)
		}
	}
	return m.Err()
}

// ggufObject returns the metadata under a prefix as an object of a config. A
// list, which none of our keys has, is an object of no use.
func ggufObject(f *gguf.File, prefix string) *object {
	o := &object{path: prefix, keys: map[string]json.RawMessage{}, err: new(error)}
	for _, kv := range f.Metadata {
		key, ok := strings.CutPrefix(kv.Key, prefix)
		if !ok {
			continue
		}
		o.keys[key] = raw(kv.Value.String())
		if _, list := kv.Value.List(); !list {
			if data, err := json.Marshal(kv.Value.Any()); err == nil { // NaN has no JSON, and stays a text
				o.keys[key] = data
			}
		}
	}
	return o
}

func raw(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage("null")
	}
	return data
}
