package model

import (
	"fmt"
	"strings"

	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/model/gguf"
	"pixtral-wgpu/tokenizer"
)

// A metadata is a list of keys under construction.
type metadata []gguf.KeyValue

func put[T gguf.Element](m *metadata, key string, value T) {
	*m = append(*m, gguf.KeyValue{Key: key, Value: gguf.Of(value)})
}

func putList[T gguf.Element](m *metadata, key string, list []T) {
	*m = append(*m, gguf.KeyValue{Key: key, Value: gguf.ListOf(list)})
}

// fileTypes are llama.cpp's numbers for the format of most tensors; llama.h,
// llama_ftype.
var fileTypes = map[string]uint32{
	"f32": 0, "f16": 1, "q4_0": 2, "q4_1": 3, "q8_0": 7, "q5_0": 8, "q5_1": 9,
	"q4_k": 14, "q5_k": 16, "q6_k": 18, "bf16": 32,
}

// general puts what both files begin with.
func (e *exporter) general(architecture, kind string, within string) *metadata {
	m := &metadata{}
	put(m, "general.architecture", architecture)
	put(m, "general.type", kind)
	put(m, "general.name", e.c.Name)
	put(m, "general.file_type", fileTypes[e.most(within).Name])
	put(m, "general.quantization_version", uint32(2)) // GGML_QNT_VERSION
	return m
}

// most returns the format that most of the weights under a prefix have.
func (e *exporter) most(within string) (best quant.Format) {
	count := map[string]int{}
	for _, t := range e.placements {
		if strings.HasPrefix(t.Name, within) {
			count[t.Device.Name] += t.Shape[0] * t.Cols()
			if best.Name == "" || count[t.Device.Name] > count[best.Name] {
				best = t.Device
			}
		}
	}
	return best
}

// textMetadata describes the decoder and its vocabulary; spec §10.3.
func (e *exporter) textMetadata() ([]gguf.KeyValue, error) {
	c := e.c.Config
	m := e.general(ggufArchitecture, "model", "layers.")
	for _, v := range []struct {
		key string
		n   int
	}{
		{"block_count", c.Layers}, {"context_length", MaxContext}, {"embedding_length", c.Dim},
		{"feed_forward_length", c.HiddenDim}, {"attention.head_count", c.Heads}, {"attention.head_count_kv", c.KVHeads},
		{"attention.key_length", c.HeadDim}, {"attention.value_length", c.HeadDim},
		{"rope.dimension_count", c.HeadDim}, {"vocab_size", c.VocabSize},
	} {
		put(m, ggufArchitecture+"."+v.key, uint32(v.n))
	}
	put(m, ggufArchitecture+".attention.layer_norm_rms_epsilon", c.NormEps)
	put(m, ggufArchitecture+".rope.freq_base", float32(c.RopeTheta))
	return *m, e.vocabulary(m)
}

// visionMetadata describes the image encoder; spec §10.3.
func (e *exporter) visionMetadata() ([]gguf.KeyValue, error) {
	c, v := e.c.Config, e.c.Config.VisionEncoder
	if v.RopeTheta != 1e4 {
		return nil, fmt.Errorf("the image encoder's rope_theta is %v; GGUF has no key for it, and llama.cpp takes 10000", v.RopeTheta)
	}
	m := e.general("clip", "mmproj", "vision_encoder.")
	put(m, "clip.has_vision_encoder", true)
	put(m, "clip.projector_type", "pixtral")
	put(m, "clip.use_silu", true)
	for _, v := range []struct {
		key string
		n   int
	}{
		{"image_size", v.ImageSize}, {"patch_size", v.PatchSize}, {"embedding_length", v.HiddenSize},
		{"feed_forward_length", v.IntermediateSize}, {"block_count", v.Layers}, {"projection_dim", c.Dim},
		{"attention.head_count", v.Heads},
	} {
		put(m, "clip.vision."+v.key, uint32(v.n))
	}
	put(m, "clip.vision.attention.layer_norm_epsilon", float32(VisionNormEps))
	// CLIP's, RGB; mistral_common/tokens/tokenizers/image.py, DATASET_MEAN and DATASET_STD
	putList(m, "clip.vision.image_mean", []float32{0.48145466, 0.4578275, 0.40821073})
	putList(m, "clip.vision.image_std", []float32{0.26862954, 0.26130258, 0.27577711})
	return *m, nil
}

// vocabulary puts the tokenizer: that of a GGUF as it is, or Tekken's.
func (e *exporter) vocabulary(m *metadata) error {
	if source, ok := e.c.Source.(*mapped); ok {
		for _, f := range source.files {
			text, ok := f.(*gguf.File)
			if !ok || isMMProj(text) {
				continue
			}
			for _, kv := range text.Metadata {
				if strings.HasPrefix(kv.Key, "tokenizer.") {
					*m = append(*m, kv)
				}
			}
			return nil
		}
	}
	switch t := e.c.Tokenizer.(type) {
	case nil:
		return e.withoutVocabulary()
	case *tokenizer.Tekken:
		putTekken(m, t)
		return nil
	}
	return fmt.Errorf("the vocabulary is not Tekken's, and its merges cannot be written; put the model's GGUF or tekken.json beside it")
}

// withoutVocabulary refuses image tokens that a reader could not find: without
// names it takes Pixtral's ids.
func (e *exporter) withoutVocabulary() error {
	v := e.c.Config.VisionEncoder
	if v != nil && (v.ImageTokenID != 10 || v.ImageBreakTokenID != 12 || v.ImageEndTokenID != 13) {
		return fmt.Errorf("the tokens of images are %d, %d and %d, which GGUF finds by their names in a vocabulary, and there is none; put tekken.json beside the model",
			v.ImageTokenID, v.ImageBreakTokenID, v.ImageEndTokenID)
	}
	return nil
}
