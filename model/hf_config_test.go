package model

import (
	"os"
	"reflect"
	"testing"
)

// pixtralHF is the config.json of mistral-community/pixtral-12b, whose keys that
// are transformers' defaults are left out.
const pixtralHF = `{
	"architectures": ["LlavaForConditionalGeneration"], "ignore_index": -100, "image_seq_length": 1,
	"image_token_index": 10, "model_type": "llava", "projector_hidden_act": "gelu",
	"text_config": {
		"head_dim": 128, "hidden_size": 5120, "intermediate_size": 14336, "is_composition": true,
		"max_position_embeddings": 1024000, "model_type": "mistral", "num_hidden_layers": 40, "rms_norm_eps": 1e-05,
		"rope_theta": 1000000000.0, "sliding_window": null, "vocab_size": 131072
	},
	"torch_dtype": "bfloat16", "vision_feature_layer": -1, "vision_feature_select_strategy": "full",
	"vision_config": {
		"head_dim": 64, "hidden_act": "silu", "image_size": 1024, "is_composition": true, "model_type": "pixtral",
		"patch_size": 16, "rope_theta": 10000.0
	}
}`

func TestParseHF(t *testing.T) {
	got, err := parseHF([]byte(pixtralHF))
	if err != nil {
		t.Fatal(err)
	}
	want, err := ParseConfig([]byte(pixtral12B))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v %+v", got, got.VisionEncoder)
	}
	for text, want := range map[string]Config{
		`{"architectures": ["MistralForCausalLM"], "sliding_window": null}`: { // the class's defaults: Mistral 7B
			Dim: 4096, Layers: 32, HeadDim: 128, HiddenDim: 14336, Heads: 32, KVHeads: 8, NormEps: 1e-6, VocabSize: 32000, RopeTheta: 1e4},
		`{"model_type": "llama", "tie_word_embeddings": true, "head_dim": null, "rope_scaling": null, "rope_theta": 5e5}`: {
			Dim: 4096, Layers: 32, HeadDim: 128, HiddenDim: 11008, Heads: 32, KVHeads: 32, NormEps: 1e-6, VocabSize: 32000, RopeTheta: 5e5, TiedEmbeddings: true},
	} {
		if got, err := parseHF([]byte(text)); err != nil || !reflect.DeepEqual(got, &want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

// The mapper knows every tensor of the real model, in the names of both eras.
func TestHFNames(t *testing.T) {
	c, err := ParseConfig([]byte(pixtral12B))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		ours string
		head int
	}{
		"language_model.lm_head.weight":                                    {"output.weight", 0},
		"lm_head.weight":                                                   {"output.weight", 0},
		"language_model.model.embed_tokens.weight":                         {"tok_embeddings.weight", 0},
		"model.norm.weight":                                                {"norm.weight", 0},
		"model.language_model.layers.39.self_attn.q_proj.weight":           {"layers.39.attention.wq.weight", 128},
		"language_model.model.layers.0.self_attn.k_proj.weight":            {"layers.0.attention.wk.weight", 128},
		"model.layers.0.self_attn.v_proj.weight":                           {"layers.0.attention.wv.weight", 0},
		"model.language_model.layers.7.post_attention_layernorm.weight":    {"layers.7.ffn_norm.weight", 0},
		"vision_tower.patch_conv.weight":                                   {"vision_encoder.patch_conv.weight", 0},
		"model.vision_tower.transformer.layers.23.attention.k_proj.weight": {"vision_encoder.transformer.layers.23.attention.wk.weight", 64},
		"vision_tower.transformer.layers.0.feed_forward.up_proj.weight":    {"vision_encoder.transformer.layers.0.feed_forward.w3.weight", 0},
		"multi_modal_projector.linear_1.bias":                              {"vision_language_adapter.w_in.bias", 0},
		"model.multi_modal_projector.linear_2.weight":                      {"vision_language_adapter.w_out.weight", 0},
		"model.layers.0.self_attn.rotary_emb.inv_freq":                     {"", 0},
		"transformer.h.0.ln_1.weight":                                      {"transformer.h.0.ln_1.weight", 0},
	} {
		if ours, head := c.hfName(name); ours != want.ours || head != want.head {
			t.Errorf("%s is %s, heads of %d; want %s, %d", name, ours, head, want.ours, want.head)
		}
	}
}

// FuzzParseHF checks that what is accepted is as sane as what params.json may say.
func FuzzParseHF(f *testing.F) {
	f.Add([]byte(pixtralHF))
	for _, form := range []string{"hf_old", "hf_new", "llama"} {
		data, err := os.ReadFile("testdata/formats/" + form + "/config.json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"model_type":"llama","hidden_size":8,"num_attention_heads":-1}`))
	f.Add([]byte(`{"model_type":"llava","text_config":{"num_attention_heads":0},"vision_config":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parseHF(data)
		if err != nil {
			return
		}
		for _, s := range c.Tensors() {
			if n := s.Len(); n < 1 || n > 1<<40 {
				t.Fatalf("%s: %v", s.Name, s.Shape)
			}
		}
	})
}
