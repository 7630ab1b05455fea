package model

import (
	"bytes"
	"reflect"
	"testing"

	"pixtral-wgpu/model/gguf"
)

// ggufPixtral is the metadata of Pixtral 12B's two files, without vocabulary.
func ggufPixtral(t testing.TB) (text, images []byte) {
	t.Helper()
	file := func(architecture string, keys ...gguf.KeyValue) []byte {
		var b bytes.Buffer
		keys = append([]gguf.KeyValue{{Key: "general.architecture", Value: gguf.Of(architecture)}}, keys...)
		bias := []gguf.Tensor{{Name: "mm.1.bias", Type: gguf.F32, Dims: []int{1}, Data: make([]byte, 4)}}
		if err := gguf.Write(&b, keys, bias); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	n := func(key string, x uint32) gguf.KeyValue { return gguf.KeyValue{Key: key, Value: gguf.Of(x)} }
	f := func(key string, x float32) gguf.KeyValue { return gguf.KeyValue{Key: key, Value: gguf.Of(x)} }
	return file("llama", n("llama.block_count", 40), n("llama.context_length", 1024000), n("llama.embedding_length", 5120),
			n("llama.feed_forward_length", 14336), n("llama.attention.head_count", 32), n("llama.attention.head_count_kv", 8),
			n("llama.attention.key_length", 128), n("llama.attention.value_length", 128),
			f("llama.attention.layer_norm_rms_epsilon", 1e-5), f("llama.rope.freq_base", 1e9),
			n("llama.rope.dimension_count", 128), n("llama.vocab_size", 131072)),
		file("clip", gguf.KeyValue{Key: "clip.has_vision_encoder", Value: gguf.Of(true)},
			gguf.KeyValue{Key: "clip.projector_type", Value: gguf.Of("pixtral")}, gguf.KeyValue{Key: "clip.use_silu", Value: gguf.Of(true)},
			n("clip.vision.image_size", 1024), n("clip.vision.patch_size", 16), n("clip.vision.embedding_length", 1024),
			n("clip.vision.feed_forward_length", 4096), n("clip.vision.block_count", 24), n("clip.vision.projection_dim", 5120),
			n("clip.vision.attention.head_count", 16), f("clip.vision.attention.layer_norm_epsilon", 1e-5),
			gguf.KeyValue{Key: "clip.vision.image_mean", Value: gguf.ListOf([]float32{0.48145466, 0.4578275, 0.40821073})},
			gguf.KeyValue{Key: "clip.vision.image_std", Value: gguf.ListOf([]float32{0.26862954, 0.26130258, 0.27577711})})
}

// configOf reads the sizes in two files in memory.
func configOf(text, images []byte) (*Config, error) {
	t, err := gguf.Parse(text, "text.gguf")
	if err != nil {
		return nil, err
	}
	m, err := gguf.Parse(images, "mmproj.gguf")
	if err != nil {
		return nil, err
	}
	c, err := parseGGUF(t)
	if err != nil {
		return nil, err
	}
	return c, c.addMMProj(m, t)
}

func TestParseGGUF(t *testing.T) {
	got, err := configOf(ggufPixtral(t))
	if err != nil {
		t.Fatal(err)
	}
	want, err := ParseConfig([]byte(pixtral12B))
	if err != nil {
		t.Fatal(err)
	}
	want.TiedEmbeddings = true // this file has no tensors
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v %+v", got, got.VisionEncoder)
	}
}

// FuzzGGUFConfig checks that what is accepted is as sane as what params.json may say.
func FuzzGGUFConfig(f *testing.F) {
	text, images := ggufPixtral(f)
	f.Add(text, images)
	f.Fuzz(func(t *testing.T, text, images []byte) {
		c, err := configOf(text, images)
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
