package model_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pixtral-wgpu/model"
	"pixtral-wgpu/model/gguf"
	"pixtral-wgpu/model/safetensors"
	"pixtral-wgpu/tokenizer"
)

// copied returns a directory with the files of a form.
func copied(t *testing.T, form string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "m")
	check(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata/formats", form))))
	return dir
}

// replace edits a text file, in which old must stand.
func replace(t *testing.T, path, old, with string) {
	t.Helper()
	data, err := os.ReadFile(path)
	check(t, err)
	if !bytes.Contains(data, []byte(old)) {
		t.Fatalf("%s has no %s", path, old)
	}
	check(t, os.WriteFile(path, bytes.Replace(data, []byte(old), []byte(with), 1), 0o600))
}

func wants(t *testing.T, what, path string, want ...string) {
	t.Helper()
	c, err := model.OpenCheckpoint(path)
	if err == nil {
		c.Close()
	}
	for _, w := range want {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%s: error is %v, want %q in it", what, err, w)
		}
	}
}

// A config of another model, or one that lies, is an error that names the key.
func TestConfigOfHuggingFace(t *testing.T) {
	for _, c := range []struct{ old, with, want string }{
		{`"LlavaForConditionalGeneration"`, `"Mistral3ForConditionalGeneration"`, "this is a Mistral3ForConditionalGeneration;"},
		{`"model_type": "mistral"`, `"model_type": "qwen2"`, `text_config.model_type is "qwen2"`},
		{`"model_type": "pixtral"`, `"model_type": "clip_vision_model"`, `vision_config.model_type is "clip_vision_model"; Pixtral 12B has "pixtral"`},
		{`"vision_config"`, `"other"`, "vision_config is missing"},
		{`"hidden_act": "silu",
    "hidden_size": 48`, `"hidden_size": 48`, `vision_config.hidden_act is "gelu"`},
		{`"hidden_act": "silu"`, `"hidden_act": "gelu"`, `text_config.hidden_act is "gelu"`},
		{`"projector_hidden_act": "gelu"`, `"projector_hidden_act": "relu"`, `projector_hidden_act is "relu"`},
		{`"vision_feature_layer": -1`, `"vision_feature_layer": [-1, -2]`, `vision_feature_layer is [-1,-2]`},
		{`"vision_feature_select_strategy": "full"`, `"x": 1`, `vision_feature_select_strategy is "default"`},
		{`"rope_type": "default"`, `"rope_type": "yarn"`, `text_config.rope_parameters.rope_type is "yarn"`},
		{`"rope_type": "default"`, `"rope_type": "llama3", "factor": 8`, `text_config.rope_parameters.low_freq_factor is missing`},
		{`"rope_type": "default"`, `"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4, "original_max_position_embeddings": 64`, `high_freq_factor is 4, which is not more than low_freq_factor, 4`},
		{`"rope_type": "default"`, `"rope_type": "llama3", "factor": 1e30, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 64`, `factor is 1e+30, want 1 to 1e+06`},
		{`"rope_parameters"`, `"rope_scaling": {"type": "linear", "factor": 2}, "rope_parameters"`, `text_config.rope_scaling.rope_type is "linear"`},
		{`"sliding_window": null`, `"sliding_window": 4096`, `text_config.sliding_window is 4096`},
		{`"sliding_window": null`, `"x": null`, `text_config.sliding_window is missing`},
		{`"hidden_size": 56`, `"hidden_size": "56"`, `text_config.hidden_size is "56", want a whole number`},
		{`"num_key_value_heads": 2`, `"num_key_value_heads": 3`, `text_config.num_attention_heads is 4, which 3`},
		{`"image_size": 96`, `"image_size": [96, 96]`, `vision_config.image_size is [96,96], want a whole number`},
		{`"image_token_index": 10`, `"image_token_index": 120`, `image_token_index is 120, which a vocab_size of 120`},
		{`"model_type": "llava"`, `"quantization_config": {"quant_method": "fp8"}, "model_type": "llava"`, `quantization_config is {"quant_method":"fp8"}`},
		{`"intermediate_size": 88,`, ``, "should be [14336 56]"}, // the class's default
		{`"head_dim": 16,`, ``, "text_config.head_dim is 14"},    // 56/4
		{`{`, ``, "config.json: byte"},
	} {
		dir := copied(t, "hf_old")
		replace(t, filepath.Join(dir, "config.json"), c.old, c.with)
		wants(t, c.with, dir, c.want)
	}
}

// An index that lies, and shards that do not fit together.
func TestShards(t *testing.T) {
	const index, first, last = "model.safetensors.index.json", "model-00001-of-00004.safetensors", "model-00004-of-00004.safetensors"
	for what, c := range map[string]struct {
		change func(dir string)
		want   []string
	}{
		"a path in the index": {func(dir string) { replace(t, filepath.Join(dir, index), first, "../"+first) },
			[]string{index, "no name of a .safetensors file"}},
		"another file's name": {func(dir string) { replace(t, filepath.Join(dir, index), first, "config.json") },
			[]string{index, "no name of a .safetensors file"}},
		"the wrong shard": {func(dir string) { replace(t, filepath.Join(dir, index), first, last) },
			[]string{index, "is said to be in " + last}},
		"a shard less": {func(dir string) { check(t, os.Remove(filepath.Join(dir, last))) },
			[]string{last, "no such file"}},
		"no map":   {func(dir string) { replace(t, filepath.Join(dir, index), "weight_map", "weights") }, []string{"weight_map is missing"}},
		"not JSON": {func(dir string) { replace(t, filepath.Join(dir, index), "{", "") }, []string{index, "not JSON"}},
		"a shard cut": {func(dir string) { check(t, os.Truncate(filepath.Join(dir, last), 40000)) },
			[]string{last, "truncated"}},
		"a tensor twice": {func(dir string) {
			twice := safetensors.FromFloat32s("lm_head.weight", []int{1}, []float32{1})
			var b bytes.Buffer
			check(t, safetensors.Write(&b, []safetensors.Tensor{twice}, nil))
			check(t, os.WriteFile(filepath.Join(dir, "x.safetensors"), b.Bytes(), 0o600))
			replace(t, filepath.Join(dir, index), `"weight_map": {`, `"weight_map": {"lm_head.weight": "x.safetensors",`)
		}, []string{"x.safetensors: lm_head.weight", first + ": language_model.lm_head.weight", "are both output.weight"}},
	} {
		dir := copied(t, "hf_old")
		c.change(dir)
		wants(t, what, dir, c.want...)
	}
}

// Mistral's weights may come as several files, each tensor in one of them.
func TestConsolidatedShards(t *testing.T) {
	f, err := safetensors.Open("testdata/hf_a/consolidated.safetensors")
	check(t, err)
	defer f.Close()
	params, err := os.ReadFile("testdata/hf_a/params.json")
	check(t, err)
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "params.json"), params, 0o600))
	write := func(file string, names []string) {
		var list []safetensors.Tensor
		for _, name := range names {
			tensor, _ := f.Tensor(name)
			list = append(list, tensor)
		}
		var b bytes.Buffer
		check(t, safetensors.Write(&b, list, nil))
		check(t, os.WriteFile(filepath.Join(dir, file), b.Bytes(), 0o600))
	}
	write("consolidated-00001-of-00002.safetensors", f.Names()[:20])
	wants(t, "one of two", dir, "is missing")
	write("consolidated-00002-of-00002.safetensors", f.Names()[20:])
	c, err := model.OpenCheckpoint(dir)
	check(t, err)
	if names := c.Source.Names(); !slices.Equal(names, f.Names()) {
		t.Errorf("%d tensors, want %d", len(names), len(f.Names()))
	}
	check(t, c.Close())
	write("consolidated-00002-of-00002.safetensors", f.Names()[19:])
	wants(t, "a tensor in both", dir, "-00001-", "-00002-", "are both "+f.Names()[19])
}

// A path that is no model says what is there and what would be one.
func TestFind(t *testing.T) {
	dir := t.TempDir()
	wants(t, "nothing", filepath.Join(dir, "none"), "no such file", "a model is")
	wants(t, "empty", dir, "has no files", ".gguf")
	for _, name := range []string{"a.txt", "b.gguf", "c.gguf"} {
		check(t, os.WriteFile(filepath.Join(dir, name), []byte("text"), 0o600))
	}
	wants(t, "text", filepath.Join(dir, "a.txt"), "neither a directory nor")
	wants(t, "two models", dir, "2 .gguf files", "b.gguf")
	wants(t, "no GGUF", filepath.Join(dir, "b.gguf"), "b.gguf")
	check(t, os.Remove(filepath.Join(dir, "c.gguf")))
	wants(t, "no GGUF in it", dir, "b.gguf")
	if _, err := model.OpenCheckpoint("testdata/hf_a", "x"); err == nil || !strings.Contains(err.Error(), "too many") {
		t.Errorf("two paths: %v", err)
	}
	long := map[string]any{"architectures": strings.Repeat(" ", 2<<20)}
	data, err := json.Marshal(long)
	check(t, err)
	hf := copied(t, "hf_new")
	check(t, os.WriteFile(filepath.Join(hf, "config.json"), data, 0o600))
	wants(t, "a config endless", hf, "config.json has more than 1048576 bytes")
}

// rewrite changes a GGUF file.
func rewrite(t *testing.T, path string, change func(meta []gguf.KeyValue, tensors []gguf.Tensor) ([]gguf.KeyValue, []gguf.Tensor)) {
	t.Helper()
	data, err := os.ReadFile(path)
	check(t, err)
	f, err := gguf.Parse(data, path)
	check(t, err)
	meta, tensors := change(slices.Clone(f.Metadata), slices.Clone(f.Tensors))
	var b bytes.Buffer
	check(t, gguf.Write(&b, meta, tensors))
	check(t, os.WriteFile(path, b.Bytes(), 0o600))
}

// set changes or adds a value of the metadata, or with the zero Value drops it.
func set(key string, v gguf.Value) func(meta []gguf.KeyValue, tensors []gguf.Tensor) ([]gguf.KeyValue, []gguf.Tensor) {
	return func(meta []gguf.KeyValue, tensors []gguf.Tensor) ([]gguf.KeyValue, []gguf.Tensor) {
		meta = slices.DeleteFunc(meta, func(kv gguf.KeyValue) bool { return kv.Key == key })
		if n, list := v.List(); n > 0 || list {
			meta = append(meta, gguf.KeyValue{Key: key, Value: v})
		}
		return meta, tensors
	}
}

// put changes or adds a tensor, or drops it if it has no dimensions.
func put(tensor gguf.Tensor) func(meta []gguf.KeyValue, tensors []gguf.Tensor) ([]gguf.KeyValue, []gguf.Tensor) {
	return func(meta []gguf.KeyValue, tensors []gguf.Tensor) ([]gguf.KeyValue, []gguf.Tensor) {
		tensors = slices.DeleteFunc(tensors, func(t gguf.Tensor) bool { return t.Name == tensor.Name })
		if tensor.Dims != nil {
			tensors = append(tensors, tensor)
		}
		return meta, tensors
	}
}

// GGUF files of other models, and ones that lie.
func TestConfigOfGGUF(t *testing.T) {
	none := gguf.Value{}
	f32 := func(name string, dims ...int) gguf.Tensor {
		n := 4
		for _, d := range dims {
			n *= d
		}
		return gguf.Tensor{Name: name, Type: gguf.F32, Dims: dims, Data: make([]byte, n)}
	}
	const text, images = "tiny-f16.gguf", "mmproj-tiny-f16.gguf"
	type edit = func(meta []gguf.KeyValue, tensors []gguf.Tensor) ([]gguf.KeyValue, []gguf.Tensor)
	for _, c := range []struct {
		file   string
		change edit
		want   string
	}{
		{text, set("general.architecture", gguf.Of("qwen2")), `general.architecture is "qwen2"; models of "llama" are read`},
		{text, set("general.architecture", none), `"general.architecture" is missing`},
		{text, set("split.count", gguf.Of(uint16(3))), "it is file 1 of 3 by its metadata, but not by its name"},
		{text, set("llama.expert_count", gguf.Of(uint32(8))), "llama.expert_count is 8"},
		{text, set("llama.rope.scaling.type", gguf.Of("yarn")), `llama.rope.scaling.type is "yarn"`},
		{text, set("llama.attention.sliding_window", gguf.Of(uint32(4096))), "llama.attention.sliding_window is 4096"},
		{text, set("llama.block_count", none), "llama.block_count is missing"},
		{text, set("llama.block_count", gguf.Of(uint64(1<<60))), "llama.block_count is 1152921504606846976, want 1 to 1024"},
		{text, set("llama.block_count", gguf.Of(uint32(3))), "layers.2.attention_norm.weight is missing"},
		{text, set("llama.block_count", gguf.Of(uint32(1))), "blk.1.attn_k.weight is no part of"},
		{text, set("llama.embedding_length", gguf.Of(uint64(1<<63))), "llama.embedding_length is 9223372036854775808, want a whole number"},
		{text, set("llama.attention.head_count", gguf.ListOf([]uint32{4, 4})), `llama.attention.head_count is "a list of 2 u32", want a whole number`},
		{text, set("llama.attention.key_length", none), "llama.attention.key_length is 14"}, // 56/4
		{text, set("llama.attention.value_length", gguf.Of(uint32(8))), "llama.attention.value_length is 8, but a head has 16"},
		{text, set("llama.rope.dimension_count", gguf.Of(uint32(8))), "llama.rope.dimension_count is 8, but a head has 16"},
		{text, set("llama.attention.layer_norm_rms_epsilon", gguf.Of("small")), `llama.attention.layer_norm_rms_epsilon is "small"`},
		{text, set("llama.vocab_size", gguf.Of(uint32(128))), "should be [128 56]"},
		{text, set("tokenizer.ggml.tokens", gguf.ListOf([]string{"a"})), "the text model's vocabulary has no [IMG]"},
		{text, put(f32("rope_freqs.weight", 8)), "rope_freqs.weight: value 0 is 0, want"},
		{text, put(f32("rope_freqs.weight", 16)), "rope_freqs.weight is F32 [16], want F32 [8]"},
		{text, put(f32("blk.0.attn_q.bias", 64)), "blk.0.attn_q.bias is no part of"},
		{text, put(f32("output_norm.weight", 57)), "output_norm.weight is [57], which by the config should be [56]"},
		{text, put(gguf.Tensor{Name: "output_norm.weight"}), "norm.weight is missing"},
		{text, put(gguf.Tensor{Name: "output_norm.weight", Type: 28, Dims: []int{56}, Data: make([]byte, 448)}), "is of type F64, which can't be read; convert the model to F32"},
		{text, put(gguf.Tensor{Name: "output_norm.weight", Type: gguf.Q8_0, Dims: []int{64}, Data: make([]byte, 68)}), "output_norm.weight is of type q8_0; a norm or a bias is F32"},
		{images, set("clip.projector_type", gguf.Of("ldp")), `clip.projector_type is "ldp"`},
		{images, set("clip.has_vision_encoder", none), "no image encoder"},
		{images, set("clip.vision.projection_dim", gguf.Of(uint32(64))), "clip.vision.projection_dim is 64, but the text model has 56"},
		{images, set("clip.use_silu", none), "clip.use_silu is not true"},
		{images, set("clip.use_gelu", gguf.Of(true)), "clip.use_gelu is true"},
		{images, set("clip.vision.spatial_merge_size", gguf.Of(uint32(2))), "clip.vision.spatial_merge_size is 2"},
		{images, set("clip.vision.attention.layer_norm_epsilon", gguf.Of(float32(1e-6))), "layer_norm_epsilon is"},
		{images, set("clip.vision.image_mean", gguf.ListOf([]float32{0.5, 0.5, 0.5})), "clip.vision.image_mean is [0.5 0.5 0.5]"},
		{images, set("clip.vision.patch_size", none), "clip.vision.patch_size is missing"},
		{images, put(gguf.Tensor{Name: "mm.1.bias"}), "mm.2.bias is no part of"},
		{images, put(f32("v.patch_embd.bias", 48)), "v.patch_embd.bias is no part of"},
	} {
		dir := copied(t, "gguf")
		rewrite(t, filepath.Join(dir, c.file), c.change)
		got, err := model.OpenCheckpoint(filepath.Join(dir, text), filepath.Join(dir, images))
		if err == nil {
			got.Close()
			t.Errorf("%s: no error, want %q", c.file, c.want)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.file, err, c.want)
		}
	}
}

// What lies beside a text model is its image encoder only if it fits.
func TestNearby(t *testing.T) {
	dir := copied(t, "gguf")
	text, images := filepath.Join(dir, "tiny-f16.gguf"), filepath.Join(dir, "mmproj-tiny-f16.gguf")
	wants(t, "the images alone", images, "name the text model")
	if _, err := model.OpenCheckpoint(text, text); err == nil || !strings.Contains(err.Error(), "must be an mmproj") {
		t.Errorf("text twice: %v", err)
	}
	data, err := os.ReadFile(images)
	check(t, err)
	second := filepath.Join(dir, "tiny-mmproj-q8.gguf")
	check(t, os.WriteFile(second, data, 0o600))
	wants(t, "two that fit", dir, "both hold the image encoder")
	rewrite(t, second, set("clip.projector_type", gguf.Of("ldp")))
	for _, left := range []int{1, 2} {
		c, err := model.OpenCheckpoint(dir)
		check(t, err)
		if len(c.Notes) != left || !strings.Contains(strings.Join(c.Notes, ""), "tiny-mmproj-q8.gguf is left out") {
			t.Errorf("notes %q, want %d", c.Notes, left)
		}
		if images := c.Config.VisionEncoder != nil; images != (left == 1) || c.Name != "tiny-f16" {
			t.Errorf("%s reads images: %v", c.Name, images)
		}
		check(t, c.Close())
		rewrite(t, images, set("clip.use_silu", gguf.Of(false)))
	}
}

// The vocabulary in a GGUF must fit the model.
func TestVocabularyOfGGUF(t *testing.T) {
	tokens := make([]string, 72)
	for i := range tokens {
		tokens[i] = string(rune('!' + i)) // GPT-2 spells these bytes as they are
	}
	tokens[2] = "AB"
	for _, c := range []struct {
		why, model string
		tokens     []string
		want       string
	}{
		{"as many", "gpt2", tokens, ""},
		{"fewer, for a padded table", "gpt2", tokens[:70], ""},
		{"more", "gpt2", append(slices.Clone(tokens), "zz"), "vocabulary: 73 tokens, but the model's vocabulary has 72"},
		{"another kind", "llama", tokens, `tokenizer.ggml.model is "llama"`},
		{"none", "gpt2", nil, "tokenizer.ggml.tokens has 0"},
	} {
		path := filepath.Join(copied(t, "llama_gguf"), "tied-f16.gguf")
		rewrite(t, path, set("tokenizer.ggml.model", gguf.Of(c.model)))
		rewrite(t, path, set("tokenizer.ggml.pre", gguf.Of("gpt-2")))
		rewrite(t, path, set("tokenizer.ggml.tokens", gguf.ListOf(c.tokens)))
		rewrite(t, path, set("tokenizer.ggml.merges", gguf.ListOf([]string{"A B"})))
		got, err := model.OpenCheckpoint(path)
		if err == nil {
			check(t, got.Close())
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.why, err, c.want)
		}
	}
}

// A model in Hugging Face's layout has its vocabulary in tokenizer.json, or in
// tekken.json if that is there too.
func TestVocabularyOfHuggingFace(t *testing.T) {
	dir := copied(t, "llama")
	put := func(name string, value any) {
		data, err := json.Marshal(value)
		check(t, err)
		check(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	vocab := map[string]int{"AB": 0}
	for i := 1; i < 72; i++ {
		vocab[string(rune('!'+i))] = i
	}
	file := map[string]any{
		"pre_tokenizer": map[string]any{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
		"model":         map[string]any{"type": "BPE", "vocab": vocab, "merges": []string{"A B"}},
	}
	put("tokenizer.json", file)
	c, err := model.OpenCheckpoint(dir)
	check(t, err)
	if got := c.Tokenizer.Encode("ABA"); !slices.Equal(got, []tokenizer.Token{0, 'A' - '!'}) {
		t.Errorf("ABA is %d", got)
	}
	check(t, c.Close())
	vocab["CD"] = 72
	put("tokenizer.json", file)
	wants(t, "a token more", dir, "vocabulary: 73 tokens, but the model's vocabulary has 72")
	put("tokenizer.json", "no object")
	wants(t, "no vocabulary", dir, "tokenizer.json")
	put("tekken.json", "no object")
	wants(t, "Tekken goes first", dir, "tekken.json")
}
