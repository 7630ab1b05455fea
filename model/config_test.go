package model

import (
	"math"
	"reflect"
	"strings"
	"testing"
)

// pixtral12B is the params.json of Pixtral-12B-2409.
const pixtral12B = `{
	"dim": 5120, "n_layers": 40, "head_dim": 128, "hidden_dim": 14336, "n_heads": 32, "n_kv_heads": 8,
	"rope_theta": 1000000000.0, "norm_eps": 1e-05, "vocab_size": 131072,
	"vision_encoder": {
		"hidden_size": 1024, "num_channels": 3, "image_size": 1024, "patch_size": 16, "rope_theta": 10000.0,
		"intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16, "image_token_id": 10
	}
}`

func TestParseConfig(t *testing.T) {
	got, err := ParseConfig([]byte(pixtral12B))
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Dim: 5120, Layers: 40, HeadDim: 128, HiddenDim: 14336, Heads: 32, KVHeads: 8,
		NormEps: 1e-5, VocabSize: 131072, RopeTheta: 1e9,
		VisionEncoder: &VisionEncoder{
			HiddenSize: 1024, Channels: 3, ImageSize: 1024, PatchSize: 16, RopeTheta: 1e4,
			IntermediateSize: 4096, Layers: 24, Heads: 16,
			ImageTokenID: 10, ImageBreakTokenID: 12, ImageEndTokenID: 13,
			AdapterBias: true,
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v %+v", got, got.VisionEncoder)
	}
	if v := got.VisionEncoder; v.HeadDim() != 64 || v.PatchWidth() != 768 {
		t.Errorf("head dim %d, patch width %d, want 64 and 768", v.HeadDim(), v.PatchWidth())
	}
}

func TestTensors(t *testing.T) {
	c, err := ParseConfig([]byte(pixtral12B))
	if err != nil {
		t.Fatal(err)
	}
	shapes := map[string][]int{}
	total := 0
	for _, s := range c.Tensors() {
		if shapes[s.Name] != nil {
			t.Errorf("%s is listed twice", s.Name)
		}
		shapes[s.Name] = s.Shape
		total += s.Len()
	}
	if len(shapes) != 585 || total != 12_682_739_712 {
		t.Errorf("%d tensors of %d parameters, want 585 of 12682739712", len(shapes), total)
	}
	for name, want := range map[string][]int{
		"tok_embeddings.weight":                                       {131072, 5120},
		"output.weight":                                               {131072, 5120},
		"norm.weight":                                                 {5120},
		"layers.39.attention.wq.weight":                               {4096, 5120},
		"layers.39.attention.wk.weight":                               {1024, 5120},
		"layers.39.attention.wo.weight":                               {5120, 4096},
		"layers.0.feed_forward.w2.weight":                             {5120, 14336},
		"layers.0.ffn_norm.weight":                                    {5120},
		"vision_encoder.patch_conv.weight":                            {1024, 3, 16, 16},
		"vision_encoder.ln_pre.weight":                                {1024},
		"vision_language_adapter.w_in.bias":                           {5120},
		"vision_language_adapter.w_in.weight":                         {5120, 1024},
		"vision_language_adapter.w_out.weight":                        {5120, 5120},
		"vision_encoder.transformer.layers.23.attention.wk.weight":    {1024, 1024},
		"vision_encoder.transformer.layers.23.feed_forward.w3.weight": {4096, 1024},
	} {
		if !reflect.DeepEqual(shapes[name], want) {
			t.Errorf("%s: %v, want %v", name, shapes[name], want)
		}
	}

	c.VisionEncoder.AdapterBias = false
	if n := len(c.Tensors()); n != 583 {
		t.Errorf("%d tensors without biases, want 583", n)
	}
	c.VisionEncoder = nil
	if n := len(c.Tensors()); n != 363 {
		t.Errorf("%d tensors without images, want 363", n)
	}
}

// edit replaces the first old in pixtral12B.
func edit(t *testing.T, old, with string) []byte {
	t.Helper()
	if !strings.Contains(pixtral12B, old) {
		t.Fatalf("pixtral12B has no %s", old)
	}
	return []byte(strings.Replace(pixtral12B, old, with, 1))
}

func TestParseConfigLenient(t *testing.T) {
	for _, c := range []struct {
		why, old, with string
		right          func(*Config) bool
	}{
		{"no images", `"vision_encoder"`, `"other"`, func(c *Config) bool { return c.VisionEncoder == nil }},
		{"images null", `"vision_encoder"`, `"vision_encoder": null, "other"`, func(c *Config) bool { return c.VisionEncoder == nil }},
		{"text theta", `"rope_theta": 1000000000.0,`, ``, func(c *Config) bool { return c.RopeTheta == 1e6 }},
		{"text theta null", `1000000000.0,`, `null,`, func(c *Config) bool { return c.RopeTheta == 1e6 }},
		{"image theta", `"rope_theta": 10000.0,`, ``, func(c *Config) bool { return c.VisionEncoder.RopeTheta == 1e4 }},
		{"image token", `, "image_token_id": 10`, ``, func(c *Config) bool { return c.VisionEncoder.ImageTokenID == 10 }},
		{"ids", `"image_token_id": 10`, `"image_token_id": 20, "image_break_token_id": 21, "image_end_token_id": 22`,
			func(c *Config) bool {
				v := c.VisionEncoder
				return v.ImageTokenID == 20 && v.ImageBreakTokenID == 21 && v.ImageEndTokenID == 22
			}},
		{"bias above", `"dim"`, `"adapter_bias": false, "dim"`, func(c *Config) bool { return !c.VisionEncoder.AdapterBias }},
		{"bias within", `"hidden_size"`, `"adapter_bias": false, "hidden_size"`, func(c *Config) bool { return !c.VisionEncoder.AdapterBias }},
		{"unknown keys", `"dim"`, `"max_batch_size": [1, {"a": 2}], "dim"`, func(c *Config) bool { return c.Dim == 5120 }},
		{"another model's keys, off", `"hidden_size"`,
			`"spatial_merge_size": 1, "mm_projector_id": "", "add_pre_mm_projector_layer_norm": false, "hidden_size"`,
			func(c *Config) bool { return c.VisionEncoder.HiddenSize == 1024 }},
		{"tied", `"dim"`, `"tied_embeddings": true, "dim"`, func(c *Config) bool { return c.TiedEmbeddings && len(c.Tensors()) == 584 }},
		{"sliding window null", `"dim"`, `"sliding_window": null, "tied_embeddings": false, "dim"`, func(c *Config) bool { return c.Dim == 5120 }},
	} {
		got, err := ParseConfig(edit(t, c.old, c.with))
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
		} else if !c.right(got) {
			t.Errorf("%s: got %+v %+v", c.why, got, got.VisionEncoder)
		}
	}
}

func TestParseConfigRefuses(t *testing.T) {
	for _, c := range []struct{ old, with, want string }{
		{`{`, ``, "byte 8: not JSON"},
		{`{`, `[{`, "not JSON"},
		{`"dim": 5120,`, ``, "dim is missing"},
		{`"norm_eps": 1e-05,`, ``, "norm_eps is missing"},
		{`"num_channels": 3,`, ``, "vision_encoder.num_channels is missing"},
		{`5120`, `"5120"`, `dim is "5120", want a whole number`},
		{`5120`, `5120.5`, "dim is 5120.5, want a whole number"},
		{`5120`, `99999999999999999999`, "dim is 99999999999999999999, want a whole number"},
		{`5120`, `0`, "dim is 0, want 1 to 1048576"},
		{`5120`, `-8`, "dim is -8, want 1 to"},
		{`5120`, `1048584`, "dim is 1048584, want 1 to 1048576"},
		{`5120`, `5124`, "dim is 5124, want a multiple of 8"},
		{`14336`, `14337`, "hidden_dim is 14337, want a multiple of 8"},
		{`128,`, `12,`, "head_dim is 12, want a multiple of 8"},
		{`40`, `1025`, "n_layers is 1025, want 1 to 1024"},
		{`"n_kv_heads": 8`, `"n_kv_heads": 5`, "n_heads is 32, which 5 n_kv_heads do not divide"},
		{`"n_heads": 32`, `"n_heads": 16384`, "n_heads is 16384, which with a head_dim of 128 makes 2097152 values"},
		{`1e-05`, `0`, "norm_eps is 0, want 1e-12 to 1"},
		{`1e-05`, `-1e-5`, "norm_eps is -1e-05"},
		{`1e-05`, `1e999`, "norm_eps is 1e999, want a number"},
		{`1000000000.0`, `0`, "rope_theta is 0, want 1 to 1e+12"},
		{`10000.0`, `1e300`, "vision_encoder.rope_theta is 1e+300"},
		{`131072`, `13`, "vision_encoder.image_end_token_id is 13, which a vocab_size of 13 does not have"},
		{`"image_token_id": 10`, `"image_token_id": -1`, "vision_encoder.image_token_id is -1"},
		{`"image_token_id": 10`, `"image_token_id": 4294967306`, "vision_encoder.image_token_id is 4294967306, want a token's id"},
		{`"image_token_id": 10`, `"image_token_id": 12`, "vision_encoder.image_token_id is 12, which is also"},
		{`"num_channels": 3`, `"num_channels": 4`, "vision_encoder.num_channels is 4"},
		{`"image_size": 1024`, `"image_size": 1000`, "vision_encoder.image_size is 1000, which is not a multiple of patch_size (16)"},
		{`"image_size": 1024`, `"image_size": 32768`, "vision_encoder.image_size is 32768, want 1 to 16384"},
		{`"patch_size": 16`, `"patch_size": 2`, "vision_encoder.patch_size is 2, which makes patches of 12 values"},
		{`"patch_size": 16`, `"patch_size": 1024`, "vision_encoder.patch_size is 1024, which makes patches of 3145728 values"},
		{`"num_attention_heads": 16`, `"num_attention_heads": 7`, "vision_encoder.num_attention_heads is 7, which does not cut hidden_size (1024)"},
		{`"num_attention_heads": 16`, `"num_attention_heads": 256`, "into heads of a multiple of 8 values"},
		{`"hidden_size"`, `"spatial_merge_size": 2, "hidden_size"`,
			"params.json: vision_encoder.spatial_merge_size is 2; this program reads Pixtral 12B's layout (1)"},
		{`"hidden_size"`, `"spatial_merge_size": {"a": 1}, "hidden_size"`, `vision_encoder.spatial_merge_size is {"a":1};`},
		{`"hidden_size"`, `"mm_projector_id": "patch_merge", "hidden_size"`, `vision_encoder.mm_projector_id is "patch_merge"; this program reads Pixtral 12B's layout ("")`},
		{`"hidden_size"`, `"add_pre_mm_projector_layer_norm": true, "hidden_size"`, "vision_encoder.add_pre_mm_projector_layer_norm is true;"},
		{`"hidden_size"`, `"adapter_bias": 1, "hidden_size"`, "vision_encoder.adapter_bias is 1, want true or false"},
		{`"dim"`, `"adapter_bias": "yes", "dim"`, `adapter_bias is "yes", want true or false`},
		{`"vision_encoder": {`, `"vision_encoder": 7, "other": {`, "vision_encoder is 7, want an object"},
		{`"dim"`, `"sliding_window": 4096, "dim"`, "sliding_window is 4096; this program reads Pixtral 12B's layout, which has none"},
		{`"dim"`, `"tied_embeddings": 1, "dim"`, "tied_embeddings is 1, want true or false"},
		{`"dim"`, `"moe": {"num_experts": 8, "num_experts_per_tok": 2, "and": "more"}, "dim"`,
			`moe is {"num_experts":8,"num_experts_per_tok":2…; this program`},
		{`"dim"`, `"quantization": {"qformat_weight": "fp8_e4m3"}, "dim"`, `quantization is {"qformat_weight":"fp8_e4m3"};`},
	} {
		got, err := ParseConfig(edit(t, c.old, c.with))
		if err == nil {
			t.Errorf("%s → %s: no error: %+v", c.old, c.with, got)
		} else if !strings.HasPrefix(err.Error(), "params.json: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s → %s: %v, want %q", c.old, c.with, err, c.want)
		}
	}
	for _, text := range []string{``, `null`, `[]`, `7`, `{}`, `{"dim": 8} {`} {
		if _, err := ParseConfig([]byte(text)); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

// FuzzParseConfig checks that what is accepted is sane: no panic, and every
// product that the loader forms is positive and bounded.
func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(pixtral12B))
	f.Add([]byte(`{"dim":24,"n_layers":2,"head_dim":8,"hidden_dim":40,"n_heads":4,"n_kv_heads":2,"norm_eps":1e-5,"vocab_size":64}`))
	f.Add([]byte(`{"dim":1048576,"n_layers":1024,"head_dim":1048576,"hidden_dim":1048576,"n_heads":1,"n_kv_heads":1,"norm_eps":1,"vocab_size":1048576}`))
	f.Add([]byte(`{"vision_encoder":{"spatial_merge_size":2},"moe":null}`))
	f.Add([]byte(`{"dim":8,"dim":-8,"vision_encoder":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseConfig(data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "params.json: ") {
				t.Errorf("error without the file: %v", err)
			}
			return
		}
		total := 0
		for _, s := range c.Tensors() {
			if n := s.Len(); n < 1 || n > 1<<40 {
				t.Fatalf("%s: %v", s.Name, s.Shape)
			}
			total += s.Len()
		}
		if total < 1 || total > 1<<54 {
			t.Errorf("%d parameters", total)
		}
		if v := c.VisionEncoder; v != nil && (v.HeadDim()%8 != 0 || v.ImageSize < v.PatchSize || math.IsInf(v.RopeTheta, 0)) {
			t.Errorf("accepted %+v", v)
		}
	})
}
