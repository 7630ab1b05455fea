package model

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A rename is a key of params.json and what another config calls it. A key that
// is absent takes the fallback, the default of transformers' class.
type rename struct{ ours, theirs, fallback string }

// The keys of transformers' MistralConfig, LlamaConfig and PixtralVisionConfig,
// with the defaults of these classes (transformers 4.45 to 5.23).
var (
	hfText = []rename{
		{"dim", "hidden_size", "4096"},
		{"n_layers", "num_hidden_layers", "32"},
		{"head_dim", "head_dim", ""}, // hidden_size / num_attention_heads
		{"n_heads", "num_attention_heads", "32"},
		{"norm_eps", "rms_norm_eps", "1e-6"},
		{"vocab_size", "vocab_size", "32000"},
		{"tied_embeddings", "tie_word_embeddings", "false"},
	}
	hfMistral = append(slices.Clone(hfText),
		rename{"hidden_dim", "intermediate_size", "14336"},
		rename{"n_kv_heads", "num_key_value_heads", "8"})
	hfLlama = append(slices.Clone(hfText),
		rename{"hidden_dim", "intermediate_size", "11008"},
		rename{"n_kv_heads", "num_key_value_heads", ""}) // as many as heads

	hfVision = []rename{
		{"hidden_size", "hidden_size", "1024"},
		{"num_channels", "num_channels", "3"},
		{"image_size", "image_size", "1024"},
		{"patch_size", "patch_size", "16"},
		{"intermediate_size", "intermediate_size", "4096"},
		{"num_hidden_layers", "num_hidden_layers", "24"},
		{"num_attention_heads", "num_attention_heads", "16"},
	}
)

// hfFeatures are keys of other models, and the value that means none of it.
var hfFeatures = []feature{
	{"quantization_config", nil},
	{"sliding_window", nil},
	{"attention_bias", false},
	{"mlp_bias", false},
	{"hidden_act", "silu"},
}

// parseHF reads config.json of a LlavaForConditionalGeneration with Pixtral's
// image encoder, or of a MistralForCausalLM or LlamaForCausalLM. A key that asks
// for what the pass does not do is an error, as in ParseConfig.
func parseHF(data []byte) (*Config, error) {
	o, err := parseObject(data)
	if err != nil {
		return nil, err
	}
	var c *Config
	switch kind := o.hfKind(); kind {
	case "llava":
		c = o.hfLlava()
	case "mistral", "llama":
		c = o.hfText(kind)
	default:
		return nil, fmt.Errorf("this is a %s; of Hugging Face's models LlavaForConditionalGeneration with Pixtral's image encoder, MistralForCausalLM and LlamaForCausalLM are read", kind)
	}
	return c, *o.err
}

// hfKind returns the model_type, or the name of an architecture that is no model
// of ours, whatever type it says it has.
func (o *object) hfKind() string {
	kinds := map[string]string{"LlavaForConditionalGeneration": "llava", "MistralForCausalLM": "mistral", "LlamaForCausalLM": "llama"}
	var architectures []string
	var kind string
	o.read("architectures", &architectures, "a list of names")
	o.read("model_type", &kind, "a name")
	if len(architectures) == 0 {
		return kind
	}
	if kind, ok := kinds[architectures[0]]; ok {
		return kind
	}
	return architectures[0]
}

// hfLlava reads the config of text and images together.
func (o *object) hfLlava() *Config {
	o.refuse([]feature{{"quantization_config", nil}, {"projector_hidden_act", "gelu"}})
	o.hfChoice("vision_feature_layer", "-1", "-2")
	o.hfChoice("vision_feature_select_strategy", `"full"`, `"default"`)
	text, vision := o.object("text_config"), o.object("vision_config")
	if text == nil || vision == nil {
		o.need("text_config", "vision_config")
		return nil
	}
	kind := "llama" // LlavaConfig's default
	text.read("model_type", &kind, "a name")
	if kind != "mistral" && kind != "llama" {
		text.fail("model_type", "is %s; mistral and llama are read", text.shown("model_type"))
	}
	c := text.hfText(kind)
	c.TiedEmbeddings = c.TiedEmbeddings || o.boolean("tie_word_embeddings", false)
	if *o.err == nil {
		c.VisionEncoder = o.hfVision(vision, c.VocabSize)
	}
	return c
}

// hfVision reads the config of the image encoder. The tower's class has GELU as
// its default, Pixtral 12B has not.
func (o *object) hfVision(vision *object, vocab int) *VisionEncoder {
	vision.hfChoice("model_type", `"pixtral"`, `"clip_vision_model"`)
	vision.hfChoice("hidden_act", `"silu"`, `"gelu"`)
	v := vision.renamed(hfVision)
	v.keys["rope_theta"] = vision.hfTheta("axial")
	v.called["image_token_id"] = "image_token_index"
	for _, key := range []string{"image_token_id", "image_token_index"} {
		if o.has(key) {
			v.keys["image_token_id"] = o.keys[key]
		}
	}
	if !v.has("image_token_id") {
		o.fail("image_token_index", "is missing")
	}
	return v.visionEncoder(vocab, o.boolean("multimodal_projector_bias", true))
}

// hfText reads the config of the decoder.
func (o *object) hfText(kind string) *Config {
	o.refuse(hfFeatures)
	keys := hfLlama
	if kind == "mistral" {
		keys = hfMistral
		if _, ok := o.keys["sliding_window"]; !ok {
			o.fail("sliding_window", "is missing, which in a MistralConfig means 4096; this program reads models without (null)")
		}
	}
	t := o.renamed(keys)
	t.keys["rope_theta"] = o.hfTheta("llama3")
	if !t.has("n_kv_heads") {
		t.keys["n_kv_heads"] = t.keys["n_heads"]
	}
	if !t.has("head_dim") {
		t.deriveHeadDim()
	}
	c := t.textDecoder()
	if *o.err == nil {
		c.RopeFactors = o.hfFactors(c)
	}
	return c
}

// hfFactors returns what Llama 3.1's frequencies are divided by, nil if they are
// as they are.
func (o *object) hfFactors(c *Config) []float32 {
	for _, key := range []string{"rope_scaling", "rope_parameters"} {
		inner := o.object(key)
		if inner == nil || inner.hfRopeType() != "llama3" {
			continue
		}
		inner.need("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")
		s := stretch{
			Factor: inner.number("factor", 1, 1, maxFactor), Low: inner.number("low_freq_factor", 1, minFactor, maxFactor),
			Positions: inner.number("original_max_position_embeddings", 1, 1, 1<<30),
		}
		if s.High = inner.number("high_freq_factor", 4, minFactor, maxFactor); s.High <= s.Low {
			inner.fail("high_freq_factor", "is %v, which is not more than low_freq_factor, %v", s.High, s.Low)
		}
		return s.factors(c.HeadDim, c.RopeTheta)
	}
	return nil
}

// hfRopeType returns how frequencies are made, by the names of old and of new.
func (o *object) hfRopeType() string {
	kind := "default"
	o.read("type", &kind, "a name")
	o.read("rope_type", &kind, "a name")
	return kind
}

// deriveHeadDim divides the width by the heads, where the config leaves it there.
func (o *object) deriveHeadDim() {
	var dim, heads int
	o.read("dim", &dim, "a whole number")
	o.read("n_heads", &heads, "a whole number")
	if heads < 1 || dim%heads != 0 {
		o.fail("n_heads", "is %d, which does not divide a width of %d; head_dim is missing", heads, dim)
		return
	}
	o.keys["head_dim"] = json.RawMessage(strconv.Itoa(dim / heads))
}

// hfTheta returns rope_theta, which stands in the config itself or, since
// transformers 5, in its rope_parameters. Any way to make the frequencies but the
// default and one that is known is refused.
func (o *object) hfTheta(known string) json.RawMessage {
	theta := json.RawMessage("10000")
	if o.has("rope_theta") {
		theta = o.keys["rope_theta"]
	}
	for _, key := range []string{"rope_scaling", "rope_parameters"} {
		inner := o.object(key)
		if inner == nil {
			continue
		}
		if kind := inner.hfRopeType(); kind != "default" && kind != known {
			inner.fail("rope_type", "is %q; frequencies that are scaled so (linear, dynamic, yarn …) can't be read", kind)
		}
		if inner.has("rope_theta") {
			theta = inner.keys["rope_theta"]
		}
	}
	return theta
}

// hfChoice refuses any value of a key but one, and its absence if the class's
// default is another.
func (o *object) hfChoice(key, want, fallback string) {
	value := fallback
	if o.has(key) {
		value = o.shown(key)
	}
	if value != want {
		o.fail(key, "is %s; Pixtral 12B has %s", strings.ToValidUTF8(value, ""), want)
	}
}

// renamed returns the keys of params.json for those of a table; errors speak of
// the keys of the file.
func (o *object) renamed(table []rename) *object {
	t := &object{path: o.path, keys: map[string]json.RawMessage{}, err: o.err, called: map[string]string{}}
	for _, r := range table {
		t.called[r.ours] = r.theirs
		if o.has(r.theirs) {
			t.keys[r.ours] = o.keys[r.theirs]
		} else if r.fallback != "" {
			t.keys[r.ours] = json.RawMessage(r.fallback)
		}
	}
	return t
}
