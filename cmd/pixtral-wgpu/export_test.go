package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A model that was quantised answers as one that is quantised when it is loaded.
func TestQuantize(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	r := ok(t, "", "quantize", "--quant", "q8_0", "--out", dir)
	if r.out != filepath.Join(dir, "pocket-q8_0.gguf")+"\n"+filepath.Join(dir, "mmproj-pocket-q8_0.gguf")+"\n" || !strings.Contains(r.err, "pocket-q8_0.gguf: ") {
		t.Errorf("%s%s", r.out, r.err)
	}
	want := askJSON(t, "", "--quant", "q8_0", circle, "What is this?")
	got := askJSON(t, "", "-m", dir, circle, "What is this?")
	if got.Text != want.Text || !slices.Equal(got.Tokens, want.Tokens) {
		t.Errorf("%q, want %q", got.Text, want.Text)
	}
	if r := px(t, "", "quantize", "--quant", "q8_0", "--out", dir); r.code != failed || !strings.Contains(r.err, "is there already") {
		t.Errorf("a second time: exit code %d, %s", r.code, r.err)
	}
	r = px(t, "", "quantize", "-m", dir, "--quant", "q8_0", "--out", t.TempDir())
	if r.code != failed && !strings.Contains(r.err, "pocket-q8_0.gguf") {
		t.Errorf("q8_0 again: exit code %d, %s", r.code, r.err)
	}
	small := filepath.Join(t.TempDir(), "small")
	ok(t, "", "quantize", "--quant", "q4_0", "--out", small)
	none := filepath.Join(t.TempDir(), "none")
	r = px(t, "", "quantize", "-m", small, "--quant", "Q8_0", "--out", none)
	if _, err := os.Stat(none); r.code != failed || !strings.Contains(r.err, "has no matrix in its layers that q8_0 would make smaller") || err == nil {
		t.Errorf("q4_0 as q8_0: exit code %d, %s, %v", r.code, r.err, err)
	}
	for name, want := range map[string]string{
		"some/dir/pixtral-q4_k": "pixtral-q4_k", "pixtral-12b": "pixtral-12b-q4_k", "tiny.Q8_0": "tiny-q4_k", "a b-f16": "a-b-q4_k", "f16": "f16-q4_k",
	} {
		if got := ggufName(name, "q4_k"); got != want {
			t.Errorf("%s becomes %s, want %s", name, got, want)
		}
	}
}

// Random weights in a file are those that --arch makes, whatever their form.
func TestSynth(t *testing.T) {
	prompt := file(t, "t.json", "[1, 3, 30, 4]")
	for _, quant := range []string{"", "f16", "q4_0"} {
		dir := t.TempDir()
		ok(t, "", "synth", "--arch", "pocket", "--quant", quant, "--out", dir)
		args := []string{"--tokens", prompt, "--max-tokens", "4"}
		want := askJSON(t, "", append(args, "--arch", "pocket", "--quant", quant)...)
		got := askJSON(t, "", append(args, "-m", dir)...)
		if !slices.Equal(got.Tokens, want.Tokens) {
			t.Errorf("%q: %v, want %v", quant, got.Tokens, want.Tokens)
		}
	}
	a, b := t.TempDir(), t.TempDir()
	tekken := "../../model/pocket/tekken.json"
	for dir, seed := range map[string]string{a: "7", b: "8"} {
		ok(t, "", "synth", "--arch", "pocket", "--seed", seed, "--out", dir, "--tekken", tekken)
		ok(t, "", "run", "-m", dir, "--max-tokens", "2", circle, "What is this?")
	}
	const weights = "/consolidated.safetensors"
	if read(t, a+weights) == read(t, b+weights) {
		t.Error("two seeds give the same weights")
	}
	if err := os.RemoveAll(b); err != nil {
		t.Fatal(err)
	}
	ok(t, "", "synth", "--arch", "pocket", "--seed", "7", "--out", b)
	if read(t, a+weights) != read(t, b+weights) {
		t.Error("one seed gives other weights the second time")
	}
	dir := t.TempDir()
	ok(t, "", "synth", "--arch", "pocket", "--quant", "q8_0", "--out", dir, "--tekken", tekken)
	ok(t, "", "run", "-m", dir, "--max-tokens", "2", circle, "What is this?")
}
