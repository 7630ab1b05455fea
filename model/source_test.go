package model_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/model/reference"
	"pixtral-wgpu/model/safetensors"
	"pixtral-wgpu/tokenizer"
)

// The same model in every form gives the same logits, bit for bit, because it
// becomes the same bytes on the device.
func TestForms(t *testing.T) {
	src, err := model.OpenCheckpoint("testdata/hf_a")
	check(t, err)
	defer src.Close()
	d := open(t, gpu.Options{DefaultLimits: true, ShardBytes: 3000})
	native := load(t, d, convert(t, src, safetensors.F16, safetensors.F16, toF16))
	prompts := promptsOf(t, "testdata/hf_a", src.Config)
	want := map[string]*model.Values{}
	for name, prompt := range prompts {
		want[name], err = reference.Watch(t.Context(), native, prompt)
		check(t, err)
	}
	o := model.SessionOptions{Context: 128}
	tokens := greedy(t, native, o, prompts["two_images"], 16)
	for _, form := range [][]string{
		{"hf_old"}, {"hf_new"}, {"hf_new/model.safetensors"},
		{"gguf"}, {"gguf/tiny-f16.gguf"}, {"gguf/mmproj-tiny-f16.gguf", "gguf/tiny-f16.gguf"},
	} {
		t.Run(strings.Join(form, " and "), func(t *testing.T) {
			var paths []string
			for _, path := range form {
				paths = append(paths, filepath.Join("testdata/formats", path))
			}
			c, err := model.OpenCheckpoint(paths[0], paths[1:]...)
			check(t, err)
			defer c.Close()
			p := load(t, d, c)
			for name, prompt := range prompts {
				got, err := reference.Watch(t.Context(), p, prompt)
				check(t, err)
				for _, value := range want[name].Names {
					a, b := got.ByName[value].Data, want[name].ByName[value].Data
					if !slices.Equal(a, b) {
						t.Errorf("%s: %s differs by %.1e", name, value, reference.Distance(a, b))
					}
				}
			}
			if got := greedy(t, p, o, prompts["two_images"], 16); !slices.Equal(got, tokens) {
				t.Errorf("greedy %v, want %v", got, tokens)
			}
		})
	}
}

// promptsOf reads the prompts of a golden.json, with their images.
func promptsOf(t *testing.T, dir string, c *model.Config) map[string]model.Prompt {
	t.Helper()
	var golden struct {
		Cases []struct {
			Name   string
			Prompt []tokenizer.Token
			Images []struct{ Rows, Cols int }
		}
	}
	readJSON(t, filepath.Join(dir, "golden.json"), &golden)
	values, err := safetensors.Open(filepath.Join(dir, "golden.safetensors"))
	check(t, err)
	defer values.Close()
	prompts := map[string]model.Prompt{}
	for _, g := range golden.Cases {
		prompt := model.Prompt{Tokens: g.Prompt}
		for i, grid := range g.Images {
			tensor, _ := values.Tensor(g.Name + "/images." + string(rune('0'+i)) + ".pixels")
			data, err := tensor.Float32s()
			check(t, err)
			patch := c.VisionEncoder.PatchSize
			img, err := pixels.FromPixels(data, grid.Rows*patch, grid.Cols*patch, patch)
			check(t, err)
			prompt.Images = append(prompt.Images, img)
		}
		prompts[g.Name] = prompt
	}
	return prompts
}

// A model of text alone, with the head in the table of embeddings, gives the
// tokens that transformers gives; also one with Llama 3.1's frequencies, far
// beyond the context that they stretch, and split into several files.
func TestTied(t *testing.T) {
	d := open(t, gpu.Options{})
	for _, path := range []string{
		"llama", "llama_gguf", "llama_gguf/tied-f16.gguf",
		"llama3", "llama3_gguf", "llama3_gguf/tied-f16-00001-of-00003.gguf",
	} {
		var golden struct{ Prompt, Greedy []tokenizer.Token }
		name, _, _ := strings.Cut(strings.Split(path, "/")[0], "_")
		readJSON(t, filepath.Join("testdata/formats", name, "golden.json"), &golden)
		c, err := model.OpenCheckpoint(filepath.Join("testdata/formats", path))
		check(t, err)
		defer c.Close()
		if gguf := strings.Contains(path, "gguf"); gguf && c.Name != "tied-f16" {
			t.Errorf("%s is called %s", path, c.Name)
		}
		before, _ := d.Used()
		p := load(t, d, c)
		if now, _ := d.Used(); c.Config.VisionEncoder != nil || now-before > c.Bytes()+4096 { // norms grow to f32
			t.Errorf("%s: %d bytes in use for %d", path, now-before, c.Bytes())
		}
		got := greedy(t, p, model.SessionOptions{Context: 128, KV: "f32"}, model.Prompt{Tokens: golden.Prompt}, len(golden.Greedy))
		if !slices.Equal(got, golden.Greedy) {
			t.Errorf("%s: greedy %v, want %v", path, got, golden.Greedy)
		}
		if name == "llama3" {
			c.Config.RopeFactors = nil // which matter
			if got := greedy(t, load(t, d, c), model.SessionOptions{Context: 128, KV: "f32"}, model.Prompt{Tokens: golden.Prompt}, len(golden.Greedy)); slices.Equal(got, golden.Greedy) {
				t.Errorf("%s: the same without factors", path)
			}
		}
	}
}

// What quantize writes of a model with Llama 3.1's frequencies has them.
func TestFactorsAreWritten(t *testing.T) {
	c, err := model.OpenCheckpoint("testdata/formats/llama3_gguf")
	check(t, err)
	defer c.Close()
	paths, err := c.WriteGGUF(t.Context(), t.TempDir(), "again", model.LoadOptions{Quant: "f16"})
	check(t, err)
	again, err := model.OpenCheckpoint(paths[0])
	check(t, err)
	defer again.Close()
	hf, err := model.OpenCheckpoint("testdata/formats/llama3")
	check(t, err)
	defer hf.Close()
	want := c.Config.RopeFactors
	if len(want) != 12 || want[11] != 8 || !slices.Equal(again.Config.RopeFactors, want) {
		t.Errorf("written %v, want %v", again.Config.RopeFactors, want)
	}
	for i, v := range hf.Config.RopeFactors {
		if v/want[i] < 1-1e-6 || v/want[i] > 1+1e-6 {
			t.Errorf("factor %d is %v by the config, %v in the GGUF of the official converter", i, v, want[i])
		}
	}
}
