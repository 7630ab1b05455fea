package model_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/gguf"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/model/reference"
	"pixtral-wgpu/model/safetensors"
	"pixtral-wgpu/tokenizer"
)

// wide has rows that every block divides: 256 and 512 in the decoder; 64, 128
// and 192 in the image encoder, which is quantised in blocks of 64 only.
var wide = &model.Config{
	Dim: 256, Layers: 2, HeadDim: 64, HiddenDim: 512, Heads: 4, KVHeads: 2, NormEps: 1e-5, VocabSize: 96, RopeTheta: 1e6,
	VisionEncoder: &model.VisionEncoder{
		HiddenSize: 64, Channels: 3, ImageSize: 32, PatchSize: 8, RopeTheta: 1e4, IntermediateSize: 128, Layers: 1, Heads: 2,
		ImageTokenID: 10, ImageBreakTokenID: 12, ImageEndTokenID: 13, AdapterBias: true,
	},
}

// random returns a checkpoint in f32 of one seed.
func random(t *testing.T, cfg *model.Config) *model.Checkpoint {
	t.Helper()
	source := rand.New(rand.NewPCG(4, 2))
	shapes := map[string][]int{}
	for _, spec := range cfg.Tensors() {
		shapes[spec.Name] = spec.Shape
	}
	c, err := reference.Checkpoint("random", cfg, func(name string) ([]float32, error) {
		shape := shapes[name]
		rows, cols := shape[0], 1
		for _, n := range shape[1:] {
			cols *= n
		}
		w := make([]float32, rows*cols)
		for i := range w {
			w[i] = float32(source.NormFloat64() / math.Sqrt(float64(cols)))
			if len(shape) == 1 {
				w[i] = 1 + w[i]/10
			}
		}
		return w, nil
	})
	check(t, err)
	return c
}

// remade returns c with the weights that a quantisation leaves, in f32.
func remade(t *testing.T, c *model.Checkpoint, name string) *model.Checkpoint {
	t.Helper()
	placements, err := c.Placements(name)
	check(t, err)
	var list []safetensors.Tensor
	for _, p := range placements {
		w, err := p.Floats(0, p.Shape[0])
		check(t, err)
		if p.Device.Name != p.Format.Name {
			w = p.Device.Unpack(p.Device.Pack(w))
		}
		list = append(list, safetensors.FromFloat32s(p.Name, p.Shape, w))
	}
	var b bytes.Buffer
	check(t, safetensors.Write(&b, list, nil))
	f, err := safetensors.Parse(b.Bytes(), "remade")
	check(t, err)
	source, err := model.MistralSource("remade", f)
	check(t, err)
	return &model.Checkpoint{Name: "remade", Config: c.Config, Source: source}
}

func picture(t *testing.T) model.Prompt {
	t.Helper()
	source := rand.New(rand.NewPCG(7, 7))
	data := make([]float32, 3*16*24)
	for i := range data {
		data[i] = float32(source.NormFloat64())
	}
	img, err := pixels.FromPixels(data, 16, 24, 8)
	check(t, err)
	return model.Prompt{
		Tokens: []tokenizer.Token{1, 3, 10, 10, 10, 12, 10, 10, 10, 13, 40, 77, 91, 4},
		Images: []*pixels.Patches{img},
	}
}

// quantised loads c and returns the logits of a prompt with an image.
func quantised(t *testing.T, d *gpu.Device, c *model.Checkpoint, name string) []float32 {
	t.Helper()
	before, _ := d.Used()
	p, err := model.Load(t.Context(), d, c, model.LoadOptions{Quant: name})
	check(t, err)
	defer p.Close()
	now, _ := d.Used()
	placements, err := c.Placements(name)
	check(t, err)
	want := uint64(0)
	for _, p := range placements {
		want += p.DeviceBytes
	}
	if now-before != want {
		t.Errorf("%q: %d bytes are in use, Placements says %d", name, now-before, want)
	}
	values, err := reference.Watch(t.Context(), p, picture(t))
	check(t, err)
	return values.ByName["logits"].Data
}

// sumTolerance is for kernels that sum in another order than f32's.
const sumTolerance = 1e-4

// Quantised at load, in every format, a model computes with the weights that
// the format leaves: as one in f32 that was given these weights.
func TestQuantiseAtLoad(t *testing.T) {
	c := random(t, wide)
	d := open(t, gpu.Options{DefaultLimits: true, ShardBytes: 40 << 10})
	exact := quantised(t, d, c, "")
	for _, f := range quant.Formats {
		got, want := quantised(t, d, c, f.Name), quantised(t, d, remade(t, c, f.Name), "")
		off, lost := reference.Distance(got, want), reference.Distance(got, exact)
		t.Logf("%s: off by %.1e, %.1e lost", f.Name, off, lost)
		if off > sumTolerance || (lost == 0) != (f.Name == "f32") || lost > 0.5 {
			t.Errorf("%s: off by %.1e, and %.1e from f32", f.Name, off, lost)
		}
	}
	if _, err := model.Load(t.Context(), d, c, model.LoadOptions{Quant: "q3"}); err == nil || !strings.Contains(err.Error(), "q4_k") {
		t.Errorf("q3: %v", err)
	}
}

// A GGUF with block types holds what quantising to them at load makes, and gives
// the same logits; asked for more bits it stays, for fewer it changes.
func TestQuantisedGGUF(t *testing.T) {
	c := random(t, wide)
	d := open(t, gpu.Options{DefaultLimits: true, ShardBytes: 40 << 10})
	for _, f := range quant.Formats {
		if f.Codec == nil {
			continue
		}
		stored, err := model.OpenCheckpoint(writeGGUF(t, c, f.Name))
		check(t, err)
		defer stored.Close()
		want, err := c.Placements(f.Name)
		check(t, err)
		for _, name := range []string{"", f.Name, "q8_0", "bf16"} {
			got, err := stored.Placements(name)
			check(t, err)
			for i, p := range got {
				if p.Device.Name != want[i].Device.Name && want[i].Device.Codec != nil || p.DeviceBytes > want[i].DeviceBytes {
					t.Errorf("%s asked for %q: %s is %s, want %s", f.Name, name, p.Name, p.Device.Name, want[i].Device.Name)
				}
			}
		}
		if f.Name != "q4_k" && f.Name != "q8_0" {
			continue
		}
		if got, want := quantised(t, d, stored, ""), quantised(t, d, c, f.Name); !slices.Equal(got, want) {
			t.Errorf("%s: the file's logits are %.1e off", f.Name, reference.Distance(got, want))
		}
		again := remade(t, stored, "q4_k")
		if off := reference.Distance(quantised(t, d, stored, "q4_k"), quantised(t, d, again, "")); off > sumTolerance {
			t.Errorf("%s made q4_k is off by %.1e", f.Name, off)
		}
	}
}

// writeGGUF writes the tensors of a checkpoint in the formats of a quantisation
// and returns the directory.
func writeGGUF(t *testing.T, c *model.Checkpoint, name string) string {
	t.Helper()
	names := strings.NewReplacer(
		"tok_embeddings", "token_embd", "vision_encoder.patch_conv", "v.patch_embd", "vision_encoder.ln_pre", "v.pre_ln",
		"vision_encoder.transformer.layers.", "v.blk.", "vision_language_adapter.w_in", "mm.1", "vision_language_adapter.w_out", "mm.2",
		"layers.", "blk.", "attention_norm", "attn_norm", "attention.wq", "attn_q", "attention.wk", "attn_k", "attention.wv", "attn_v",
		"attention.wo", "attn_output", "feed_forward.w1", "ffn_gate", "feed_forward.w2", "ffn_down", "feed_forward.w3", "ffn_up")
	vision := strings.NewReplacer("attn_norm", "ln1", "ffn_norm", "ln2", "attn_output", "attn_out")
	placements, err := c.Placements(name)
	check(t, err)
	files := map[string][]gguf.Tensor{}
	for _, p := range placements {
		w, err := p.Floats(0, p.Shape[0])
		check(t, err)
		kind, _ := gguf.TypeOf(strings.ToUpper(p.Device.Name))
		tensor := gguf.Tensor{Name: names.Replace(p.Name), Type: kind, Dims: p.Shape}
		if codec := p.Device.Codec; codec != nil {
			tensor.Data = make([]byte, len(w)/codec.Weights*codec.Bytes)
			codec.Quantize(tensor.Data, w)
		} else {
			tensor.Data = p.Device.Pack(w)[0]
		}
		file := "text.gguf"
		if strings.HasPrefix(p.Name, "vision_") {
			file, tensor.Name = "mmproj.gguf", vision.Replace(tensor.Name)
		} else if p.Name == "norm.weight" {
			tensor.Name = "output_norm.weight"
		}
		files[file] = append(files[file], tensor)
	}
	dir := t.TempDir()
	for file, tensors := range files {
		var b bytes.Buffer
		check(t, gguf.Write(&b, metadataOf(c.Config)[file], tensors))
		check(t, os.WriteFile(filepath.Join(dir, file), b.Bytes(), 0o600))
	}
	return dir
}

func metadataOf(c *model.Config) map[string][]gguf.KeyValue {
	v := c.VisionEncoder
	n := func(key string, x int) gguf.KeyValue { return gguf.KeyValue{Key: key, Value: gguf.Of(uint32(x))} }
	return map[string][]gguf.KeyValue{
		"text.gguf": {
			{Key: "general.architecture", Value: gguf.Of("llama")}, n("llama.embedding_length", c.Dim), n("llama.block_count", c.Layers),
			n("llama.attention.key_length", c.HeadDim), n("llama.feed_forward_length", c.HiddenDim), n("llama.attention.head_count", c.Heads),
			n("llama.attention.head_count_kv", c.KVHeads), {Key: "llama.attention.layer_norm_rms_epsilon", Value: gguf.Of(c.NormEps)},
			{Key: "llama.rope.freq_base", Value: gguf.Of(float32(c.RopeTheta))},
		},
		"mmproj.gguf": {
			{Key: "general.architecture", Value: gguf.Of("clip")}, {Key: "clip.projector_type", Value: gguf.Of("pixtral")},
			{Key: "clip.has_vision_encoder", Value: gguf.Of(true)}, {Key: "clip.use_silu", Value: gguf.Of(true)},
			n("clip.vision.image_size", v.ImageSize), n("clip.vision.patch_size", v.PatchSize), n("clip.vision.embedding_length", v.HiddenSize),
			n("clip.vision.feed_forward_length", v.IntermediateSize), n("clip.vision.block_count", v.Layers),
			n("clip.vision.attention.head_count", v.Heads),
		},
	}
}

// The rule of Placements, by role.
func TestPlacements(t *testing.T) {
	odd := *wide
	odd.HiddenDim = 24 // divides by no block
	small := *wide
	small.Dim, small.Heads = 128, 2 // by those of 64
	const emb, wq, w2, patches, image, adapter, norm = "tok_embeddings.weight", "layers.1.attention.wq.weight",
		"layers.1.feed_forward.w2.weight", "vision_encoder.patch_conv.weight",
		"vision_encoder.transformer.layers.0.attention.wv.weight", "vision_language_adapter.w_out.weight", "norm.weight"
	for _, c := range []struct {
		why   string
		cfg   *model.Config
		quant string
		want  map[string]string
		notes int
	}{
		{"as it is", wide, "", map[string]string{emb: "f32", wq: "f32", image: "f32", norm: "f32"}, 0},
		{"floats", wide, "bf16", map[string]string{emb: "bf16", wq: "bf16", patches: "bf16", norm: "f32"}, 0},
		{"images stay", wide, "q8_0", map[string]string{emb: "q8_0", wq: "q8_0", image: "f32", adapter: "f32", patches: "f32"}, 0},
		{"embeddings higher", wide, "q4_k", map[string]string{emb: "q6_k", "output.weight": "q6_k", wq: "q4_k", image: "q8_0", adapter: "q8_0", patches: "f32"}, 0},
		{"not K", wide, "q5_1", map[string]string{emb: "q6_k", wq: "q5_1", w2: "q5_1", image: "q8_0"}, 0},
		{"another type", &small, "q4_k", map[string]string{emb: "q8_0", wq: "q5_0", w2: "q4_k", image: "q8_0"}, 2 + 2*6},
		{"another type", &small, "q5_k", map[string]string{emb: "q8_0", wq: "q5_1"}, 2 + 2*6},
		{"half floats", &odd, "q4_0", map[string]string{emb: "q6_k", wq: "q4_0", w2: "f16"}, 2},
	} {
		placements, err := random(t, c.cfg).Placements(c.quant)
		check(t, err)
		notes, found := 0, 0
		for _, p := range placements {
			if want, ok := c.want[p.Name]; ok {
				if found++; p.Device.Name != want {
					t.Errorf("%s, %q: %s is %s, want %s", c.why, c.quant, p.Name, p.Device.Name, want)
				}
			}
			if p.Note != "" {
				notes++
			}
		}
		if found != len(c.want) || notes != c.notes {
			t.Errorf("%s, %q: %d tensors found, %d notes, want %d", c.why, c.quant, found, notes, c.notes)
		}
	}
}

// A canceller is a source that ends the load while the embeddings are read.
type canceller struct {
	model.Source
	cancel func()
	tasks  atomic.Int32
}

func (c *canceller) Tensor(name string) (model.Tensor, bool) {
	t, ok := c.Source.Tensor(name)
	rows := t.Rows
	t.Rows = func(from, to int) ([]byte, error) {
		c.tasks.Add(1)
		c.cancel()
		return rows(from, to)
	}
	return t, ok
}

// A load that quantises stops within a matrix, when each core has done what it
// was at.
func TestCancelQuantise(t *testing.T) {
	cfg := *wide
	cfg.VocabSize, cfg.VisionEncoder = 4096, nil // 32 tasks of 128 KiB
	d := open(t, gpu.Options{})
	before, _ := d.Used()
	ctx, cancel := context.WithCancel(t.Context())
	c := random(t, &cfg)
	source := &canceller{Source: c.Source, cancel: cancel}
	c.Source = source
	_, err := model.Load(ctx, d, c, model.LoadOptions{Quant: "q4_k"})
	if tasks := int(source.tasks.Load()); !errors.Is(err, context.Canceled) || tasks > runtime.GOMAXPROCS(0) {
		t.Errorf("after %d tasks: %v", tasks, err)
	}
	if now, _ := d.Used(); now != before {
		t.Errorf("%d bytes are still in use", now-before)
	}
}
