package model_test

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/gguf"
	"pixtral-wgpu/model/pocket"
	"pixtral-wgpu/model/reference"
	"pixtral-wgpu/tokenizer"
)

func openPocket(t *testing.T) *model.Checkpoint {
	t.Helper()
	c, err := model.ParseCheckpoint("pocket", pocket.Params, pocket.Weights, pocket.Tekken)
	check(t, err)
	return c
}

// A model written as GGUF and read again gives the values that it gives when it
// is quantised as it is loaded, bit for bit.
func TestWriteGGUF(t *testing.T) {
	d := open(t, gpu.Options{})
	for _, dir := range []string{"testdata/hf_a", "testdata/formats/llama"} {
		for _, quant := range []string{"", "f16", "q8_0", "q4_k"} {
			src, err := model.OpenCheckpoint(dir)
			check(t, err)
			paths, err := src.WriteGGUF(t.Context(), t.TempDir(), "tiny", model.LoadOptions{Quant: quant})
			check(t, err)
			read, err := model.OpenCheckpoint(paths[0])
			check(t, err)
			direct, err := model.Load(t.Context(), d, src, model.LoadOptions{Quant: quant})
			check(t, err)
			again := load(t, d, read)
			prompt := model.Prompt{Tokens: []tokenizer.Token{1, 3, 30, 4, 5}}
			if src.Config.VisionEncoder != nil {
				if len(paths) != 2 || *read.Config.VisionEncoder != *src.Config.VisionEncoder {
					t.Errorf("%s: %v is written, the encoder %+v is read", dir, paths, read.Config.VisionEncoder)
				}
				prompt = promptsOf(t, dir, src.Config)["two_images"]
			}
			want, err := reference.Watch(t.Context(), direct, prompt)
			check(t, err)
			got, err := reference.Watch(t.Context(), again, prompt)
			check(t, err)
			for _, value := range want.Names {
				if !slices.Equal(got.ByName[value].Data, want.ByName[value].Data) {
					t.Errorf("%s as %q: %s differs", dir, quant, value)
				}
			}
			direct.Close()
			check(t, read.Close())
			check(t, src.Close())
		}
	}
}

// A vocabulary that was written is the same vocabulary when it is read, and the
// next copy has the same bytes.
func TestWriteVocabulary(t *testing.T) {
	src := openPocket(t)
	paths, err := src.WriteGGUF(t.Context(), t.TempDir(), "pocket-q8_0", model.LoadOptions{Quant: "q8_0"})
	check(t, err)
	read, err := model.OpenCheckpoint(paths[1], paths[0])
	check(t, err)
	defer read.Close()
	a, b := src.Tokenizer.(*tokenizer.Tekken), read.Tokenizer.(*tokenizer.Tekken)
	if a.VocabSize() != b.VocabSize() || a.Control != b.Control || a.Image != b.Image {
		t.Errorf("%d tokens, %+v, %+v; want %d, %+v, %+v", b.VocabSize(), b.Control, b.Image, a.VocabSize(), a.Control, a.Image)
	}
	for i := range a.VocabSize() {
		id := tokenizer.Token(i)
		if a.Name(id) != b.Name(id) || !slices.Equal(a.Bytes(id), b.Bytes(id)) {
			t.Errorf("token %d is %q, want %q", i, b.Name(id), a.Name(id))
		}
	}
	chat := &tokenizer.Chat{Model: "pocket", Messages: []tokenizer.Message{tokenizer.SystemMessage("Short."), tokenizer.UserMessage(tokenizer.Text("What is this?"))}}
	want, err := a.EncodeChat(chat, nil)
	check(t, err)
	got, err := b.EncodeChat(chat, nil)
	check(t, err)
	if !slices.Equal(got, want) {
		t.Errorf("the conversation is %v, want %v", got, want)
	}
	copies, err := read.WriteGGUF(t.Context(), t.TempDir(), "pocket-q8_0", model.LoadOptions{})
	check(t, err)
	for i := range paths {
		first, err := os.ReadFile(paths[i])
		check(t, err)
		second, err := os.ReadFile(copies[i])
		check(t, err)
		if name := filepath.Base(paths[i]); len(first) != len(second) { // but for general.name
			t.Errorf("%s has %d bytes, its copy %d", name, len(first), len(second))
		}
	}
}

// The merges of a GGUF lead any reader to the tokens that ranks lead to.
func TestMerges(t *testing.T) {
	src := openPocket(t)
	paths, err := src.WriteGGUF(t.Context(), t.TempDir(), "pocket", model.LoadOptions{})
	check(t, err)
	f, err := gguf.Open(paths[0])
	check(t, err)
	defer f.Close()
	m := f.Fields()
	tokens := m.Strings("tokenizer.ggml.tokens")
	order := map[string]int{}
	for i, merge := range m.Strings("tokenizer.ggml.merges") {
		order[merge] = i
	}
	check(t, m.Err())
	for _, piece := range []string{"Describe", " picture", " diamond", "naïve", " upside", "\n\n", " unbelievably", "…", " squares"} { // none of which the scanner cuts
		var got []string
		for _, id := range src.Tokenizer.Encode(piece) {
			got = append(got, tokens[id])
		}
		want := mergeAll(piece, order)
		if whole := strings.Join(want, ""); slices.Contains(tokens, whole) {
			want = []string{whole} // readers look the whole piece up first
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q is %q, by merges %q", piece, got, want)
		}
	}
	if len(order) < 400 {
		t.Errorf("only %d merges", len(order))
	}
}

// mergeAll is the textbook's way: always the pair that comes first in the list,
// of GPT-2's spelling.
func mergeAll(piece string, order map[string]int) []string {
	var parts []string
	for _, b := range []byte(piece) {
		r := rune(b)
		if b <= ' ' {
			r += 0x100
		} else if b >= 0x7f && b <= 0xa0 {
			r = 0x121 + rune(b) - 0x7f
		} else if b == 0xad {
			r = 0x143
		}
		parts = append(parts, string(r))
	}
	for {
		best, at := len(order), -1
		for i := range len(parts) - 1 {
			if n, ok := order[parts[i]+" "+parts[i+1]]; ok && n < best {
				best, at = n, i
			}
		}
		if at < 0 {
			return parts
		}
		parts = slices.Replace(parts, at, at+2, parts[at]+parts[at+1])
	}
}

// What cannot be written is an error, and nothing is left of it.
func TestWriteGGUFErrors(t *testing.T) {
	dir := t.TempDir()
	src := openPocket(t)
	cancelled, stop := context.WithCancel(t.Context())
	stop()
	if _, err := src.WriteGGUF(cancelled, dir, "x", model.LoadOptions{}); err == nil {
		t.Error("a cancelled export succeeds")
	}
	if _, err := src.WriteGGUF(t.Context(), dir, "x", model.LoadOptions{Quant: "q3"}); err == nil || !strings.Contains(err.Error(), `"q3" is unknown`) {
		t.Error(err)
	}
	if _, err := src.WriteGGUF(t.Context(), filepath.Join(dir, "none"), "x", model.LoadOptions{}); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
	src.Config.VisionEncoder.RopeTheta = 5000
	if _, err := src.WriteGGUF(t.Context(), dir, "x", model.LoadOptions{}); err == nil || !strings.Contains(err.Error(), "rope_theta is 5000") {
		t.Error(err)
	}
	src.Config.VisionEncoder.RopeTheta = 10000
	src.Tokenizer, src.Config.VisionEncoder.ImageTokenID = nil, 20
	if _, err := src.WriteGGUF(t.Context(), dir, "x", model.LoadOptions{}); err == nil || !strings.Contains(err.Error(), "tokens of images are 20, 12 and 13") {
		t.Error(err)
	}
	if list, _ := os.ReadDir(dir); len(list) > 0 {
		t.Errorf("%v is left", list)
	}
	check(t, os.WriteFile(filepath.Join(dir, "mmproj-x.gguf"), nil, 0o600))
	if _, err := openPocket(t).WriteGGUF(t.Context(), dir, "x", model.LoadOptions{}); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Error(err)
	}
}

// Mistral's form holds all of a config, and the weights as they were.
func TestWriteMistral(t *testing.T) {
	for quant, src := range map[string]*model.Checkpoint{
		"": openPocket(t), "f16": random(t, wide), "bf16": model.Synthetic(wide, "", 3), "f32": model.Synthetic(textOnly, "", 3),
	} {
		dir := t.TempDir()
		var done, total uint64
		o := model.LoadOptions{Quant: quant, Progress: func(a, b uint64) { done, total = a, b }}
		paths, err := src.WriteMistral(t.Context(), dir, o)
		check(t, err)
		read, err := model.OpenCheckpoint(dir)
		check(t, err)
		if !reflect.DeepEqual(read.Config, src.Config) || len(paths) != 2 || done != total || total != src.Bytes() {
			t.Errorf("%q: %+v of %v, %d of %d bytes told; want %+v", quant, read.Config, paths, done, total, src.Config)
		}
		placements, err := src.Placements(quant)
		check(t, err)
		for _, p := range placements {
			want, err := p.Floats(0, p.Shape[0])
			check(t, err)
			if len(p.Shape) > 1 {
				want = p.Device.Unpack(p.Device.Pack(want))
			}
			copied, _ := read.Source.Tensor(p.Name)
			got, err := copied.Floats(0, p.Shape[0])
			check(t, err)
			if !slices.Equal(got, want) {
				t.Errorf("%q: %s differs", quant, p.Name)
			}
		}
		check(t, read.Close())
		if _, err := src.WriteMistral(t.Context(), dir, o); err == nil || !strings.Contains(err.Error(), "is there already") {
			t.Error(err)
		}
	}
	if _, err := random(t, wide).WriteMistral(t.Context(), t.TempDir(), model.LoadOptions{Quant: "q4_k"}); err == nil || !strings.Contains(err.Error(), "safetensors does not hold") {
		t.Error(err)
	}
}

// textOnly has no images, and its head is the table of embeddings.
var textOnly = &model.Config{
	Dim: 64, Layers: 1, HeadDim: 16, HiddenDim: 96, Heads: 4, KVHeads: 4, NormEps: 1e-6, VocabSize: 50, RopeTheta: 10000, TiedEmbeddings: true,
}
