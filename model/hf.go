package model

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// openHF opens config.json and the weights in Hugging Face's layout: the shards
// that the index names, or the files given if there is no index.
func openHF(config, index string, weights []string) (*Config, Source, error) {
	data, err := readSmall(config, maxConfig)
	if err != nil {
		return nil, nil, err
	}
	c, err := parseHF(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", configFile, err)
	}
	var placed map[string]string
	if index != "" {
		if placed, err = readIndex(index); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", hfIndexFile, err)
		}
		weights = shardsOf(filepath.Dir(index), placed)
	}
	files, err := openShards(weights)
	if err != nil {
		return nil, nil, err
	}
	if err := checkIndex(placed, files); err != nil {
		closeShards(files)
		return nil, nil, fmt.Errorf("%s: %w", hfIndexFile, err)
	}
	source, err := safetensorsSource(files, c.hfName)
	if err != nil {
		return nil, nil, err
	}
	if _, ok := source.Tensor("output.weight"); ok {
		c.TiedEmbeddings = false // a file may have the head all the same
	}
	return c, source, nil
}

// readIndex returns the file of each tensor. The files are in the index's
// directory: a name with a path in it is refused.
func readIndex(path string) (map[string]string, error) {
	data, err := readSmall(path, maxIndex)
	if err != nil {
		return nil, err
	}
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, notJSON(err)
	}
	if len(index.WeightMap) == 0 {
		return nil, fmt.Errorf("weight_map is missing or empty")
	}
	for tensor, file := range index.WeightMap {
		if file != filepath.Base(file) || !filepath.IsLocal(file) || filepath.Ext(file) != ".safetensors" {
			return nil, fmt.Errorf("%s is said to be in %q, which is no name of a .safetensors file", tensor, file)
		}
	}
	return index.WeightMap, nil
}

// shardsOf returns the paths of the files in an index, in order.
func shardsOf(dir string, placed map[string]string) (paths []string) {
	for _, file := range placed {
		paths = append(paths, filepath.Join(dir, file))
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// checkIndex compares an index with what its files hold.
func checkIndex(placed map[string]string, files []shard) error {
	byName := map[string]shard{}
	for _, f := range files {
		byName[f.name] = f
	}
	for tensor, file := range placed {
		if _, ok := byName[file].Tensor(tensor); !ok {
			return fmt.Errorf("%s is said to be in %s, which does not have it; download both again", tensor, file)
		}
	}
	return nil
}

// Hugging Face's names, in parts: where a tensor is, and what it is there. Files
// of before transformers 4.52 begin with language_model, vision_tower or
// multi_modal_projector, later ones put model before these; a model of text
// alone has model and no more.
var (
	hfPlaces = []struct{ theirs, ours string }{
		{"language_model.lm_head.", "output."},
		{"lm_head.", "output."},
		{"language_model.model.", ""},
		{"model.language_model.", ""},
		{"model.vision_tower.", "vision_encoder."},
		{"vision_tower.", "vision_encoder."},
		{"model.multi_modal_projector.", "vision_language_adapter."},
		{"multi_modal_projector.", "vision_language_adapter."},
		{"model.", ""},
	}
	hfParts = map[string]string{
		"embed_tokens": "tok_embeddings",
		"linear_1":     "w_in",
		"linear_2":     "w_out",

		"input_layernorm":          "attention_norm",
		"post_attention_layernorm": "ffn_norm",
		"self_attn":                "attention",
		"mlp":                      "feed_forward",
		"q_proj":                   "wq",
		"k_proj":                   "wk",
		"v_proj":                   "wv",
		"o_proj":                   "wo",
		"gate_proj":                "w1",
		"down_proj":                "w2",
		"up_proj":                  "w3",
	}
)

// hfName is the mapper of Hugging Face's names; spec section 2.1. A name that it
// does not know stays, for the check of tensors to find.
func (c *Config) hfName(name string) (ours string, headDim int) {
	if strings.HasSuffix(name, ".rotary_emb.inv_freq") {
		return "", 0 // old files have the frequencies, which follow from the config
	}
	for _, place := range hfPlaces {
		rest, ok := strings.CutPrefix(name, place.theirs)
		if !ok {
			continue
		}
		parts := strings.Split(rest, ".")
		for i, part := range parts {
			if part == "q_proj" || part == "k_proj" {
				headDim = c.headDimOf(place.ours)
			}
			if ours, ok := hfParts[part]; ok {
				parts[i] = ours
			}
		}
		return place.ours + strings.Join(parts, "."), headDim
	}
	return name, 0
}

// headDimOf returns the values of a head in the tower that names of a prefix
// belong to.
func (c *Config) headDimOf(prefix string) int {
	if prefix == "" {
		return c.HeadDim
	}
	if c.VisionEncoder == nil {
		return 0
	}
	return c.VisionEncoder.HeadDim()
}
