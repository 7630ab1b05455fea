package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

// golden returns a case of a fixture: its prompt as a file, and what follows.
func golden(t *testing.T, dir, name string) (prompt string, greedy []tokenizer.Token) {
	t.Helper()
	var all struct {
		Cases []struct {
			Name           string
			Prompt, Greedy []tokenizer.Token
		}
	}
	if err := json.Unmarshal([]byte(read(t, dir+"/golden.json")), &all); err != nil {
		t.Fatal(err)
	}
	for _, c := range all.Cases {
		if c.Name == name {
			list, _ := json.Marshal(c.Prompt)
			return file(t, "prompt.json", string(list)), c.Greedy
		}
	}
	t.Fatalf("%s has no case %s", dir, name)
	return "", nil
}

// A model without a vocabulary takes tokens and answers with tokens, in every
// form that it may have.
func TestWithoutVocabulary(t *testing.T) {
	const dir = "../../model/testdata/"
	prompt, want := golden(t, dir+"hf_a", "text_only")
	args := []string{"--tokens", prompt, "--temperature", "0", "--max-tokens", "32"}
	got := askJSON(t, "", append([]string{"-m", dir + "hf_a", "--kv", "f32"}, args...)...)
	if !slices.Equal(got.Tokens, want) || got.Text != "" || got.FinishReason != model.Full {
		t.Errorf("%+v, want tokens %v", got, want)
	}
	text := ok(t, "", append([]string{"run", "-m", dir + "hf_a", "--kv", "f32"}, args...)...)
	var printed []tokenizer.Token
	if parseJSON(t, text.out, &printed); !slices.Equal(printed, want) {
		t.Errorf("%s is printed, want %v", text.out, want)
	}
	for _, form := range [][]string{
		{dir + "formats/hf_old"}, {dir + "formats/hf_new/model.safetensors"}, {dir + "formats/gguf"},
		{dir + "formats/gguf/tiny-f16.gguf", "--mmproj", dir + "formats/gguf/mmproj-tiny-f16.gguf"},
	} {
		got := askJSON(t, "", slices.Concat([]string{"-m"}, form, args)...)
		if len(got.Tokens) != 32 || got.Tokens[0] != want[0] {
			t.Errorf("%v: %v", form, got.Tokens)
		}
	}
	r := px(t, "", "run", "-m", dir+"hf_a", "What?")
	if r.code != failed || !strings.Contains(r.err, "has no tekken.json, which a question needs") {
		t.Errorf("a question: exit code %d, %s", r.code, r.err)
	}
}

// Quantised weights and keys still see what is in the picture.
func TestQuant(t *testing.T) {
	want := askJSON(t, "", circle, "What is this?").Text
	for _, flags := range []string{"--quant q8_0", "--quant f32 --kv q8_0", "--quant auto"} {
		if got := askJSON(t, "", append(strings.Fields(flags), circle, "What is this?")...).Text; got != want {
			t.Errorf("%s: %q, want %q", flags, got, want)
		}
	}
	r := ok(t, "", "run", "--quant", "auto", "--memory", "1GiB", "--max-tokens", "1", circle, "What is this?")
	if !strings.HasPrefix(r.err, "unchanged with a context of 32768: ") || !strings.Contains(r.err, " MiB, of 1 GiB (--memory)\n") {
		t.Errorf("%s", r.err)
	}
	r = ok(t, "", "run", "--quant", "auto", "--memory", "15MB", "--max-tokens", "1", "--tokens", file(t, "t.json", "[1, 3, 4]"))
	if !strings.HasPrefix(r.err, "q4_k with a context of ") {
		t.Errorf("a context that fits was not picked: %s", r.err)
	}
}

// Layers in host memory give the same answer.
func TestGPULayers(t *testing.T) {
	want := askJSON(t, "", circle, "What is this?")
	got := askJSON(t, "", "--gpu-layers", "1", circle, "What is this?")
	if !slices.Equal(got.Tokens, want.Tokens) {
		t.Errorf("%q, want %q", got.Text, want.Text)
	}
}

// Random weights of an architecture run without any file.
func TestArch(t *testing.T) {
	prompt := file(t, "t.json", "[1, 3, 30, 4]")
	for _, quant := range []string{"", "q4_0"} {
		a := askJSON(t, "", "--arch", "pocket", "--quant", quant, "--tokens", prompt, "--max-tokens", "4")
		b := askJSON(t, "", "--arch", "pocket", "--quant", quant, "--tokens", prompt, "--max-tokens", "4")
		if len(a.Tokens) != 4 || !slices.Equal(a.Tokens, b.Tokens) || a.Model != "random pocket" {
			t.Errorf("%q: %+v and %v", quant, a, b.Tokens)
		}
	}
}

// Without knowledge of the memory nothing is refused, and nothing picked.
func TestUnknownMemory(t *testing.T) {
	c, err := synthetic("pixtral-12b", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	f := fitFlags{quant: &choice{value: ""}, kv: &choice{value: "f16"}, context: model.DefaultContext, gpuLayers: -1}
	if got, err := f.settle(c, f.options(), offer{}); err != nil || got.plan.Total() < 25<<30 {
		t.Errorf("%+v, %v", got, err)
	}
	f.quant.value = auto
	if _, err := f.settle(c, f.options(), offer{}); err == nil || !strings.Contains(err.Error(), "say it with --memory") {
		t.Error(err)
	}
}

// What does not fit is refused before it is loaded, with the flags that make it fit.
func TestRefusal(t *testing.T) {
	prompt := file(t, "t.json", "[1, 3, 4]")
	for _, c := range []struct{ flags, want string }{
		{"--memory 12GiB", "use --quant q6_k, which needs 11.83 GiB"},
		{"--memory 8GiB", "use --quant q4_k --ctx 8192 --gpu-layers 31, which is slow"},
		{"--memory 3GiB", "use --quant q4_k --ctx 4400 --gpu-layers 0, which is slow"},
		{"--memory 1GiB", "not even q4_k with a layer at a time does; use another --device"},
		{"--memory 30GiB --quant f32", "leave --quant out, as it is the model needs 25.58 GiB"},
		{"--memory 12GiB --quant q4_k --ctx 131072", "use --ctx 26800"},
		{"--memory 8GiB --gpu-layers 5", "use --ctx 6100"},
	} {
		r := px(t, "", append(strings.Fields("run --arch pixtral-12b --tokens "+prompt), strings.Fields(c.flags)...)...)
		if r.code != failed || !strings.Contains(r.err, c.want+", or a larger --memory") || strings.Count(r.err, "\n") != 1 {
			t.Errorf("%s: exit code %d, %s, want %q", c.flags, r.code, r.err, c.want)
		}
	}
}
