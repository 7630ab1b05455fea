package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pixtral-wgpu/model/safetensors"
)

func trace(t *testing.T, args ...string) (*safetensors.File, result) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trace.safetensors")
	r := ok(t, "", append([]string{"trace", "--out", path}, args...)...)
	f, err := safetensors.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f, r
}

func TestTrace(t *testing.T) {
	f, r := trace(t, circle, "What is this?")
	for name, shape := range map[string][]int{ // 8 by 6 patches, 61 tokens; the sizes of pocket
		"images.0.pixels": {3, 96, 128}, "vision.0.ln_pre": {48, 192}, "vision.0.layers.5": {48, 192}, "adapter.0": {48, 128},
		"embeddings": {61, 128}, "layers.0": {61, 128}, "layers.4": {61, 128}, "norm": {61, 128}, "logits": {61, 936},
	} {
		if v, found := f.Tensor(name); !found || v.DType != safetensors.F32 || !slices.Equal(v.Shape, shape) {
			t.Errorf("%s is %s%v, want F32%v", name, v.DType, v.Shape, shape)
		}
		if !strings.Contains(r.err, "\n"+name+" ") {
			t.Errorf("the table lacks %s", name)
		}
	}
	if len(f.Names()) != 17 || r.out != "" {
		t.Errorf("%v are written, and %q printed", f.Names(), r.out)
	}
	var tokens []int
	if err := json.Unmarshal([]byte(f.Metadata["prompt_tokens"]), &tokens); err != nil || len(tokens) != 61 {
		t.Errorf("metadata is %v", f.Metadata)
	}
}

// The last logits of a trace are those that run picks from.
func TestTraceAnswer(t *testing.T) {
	answer := askJSON(t, "", circle, "What is this?")
	f, r := trace(t, "--json", "--temperature", "0", "--max-tokens", "2", "--match", "logits", "--match", "*.attention.q", circle, "What is this?")
	var printed table
	parseJSON(t, r.out, &printed)
	if !slices.Equal(printed.Reply.Tokens, answer.Tokens[:2]) || len(printed.Values) != 12 {
		t.Errorf("%+v, want tokens %v", printed, answer.Tokens[:2])
	}
	v, _ := f.Tensor("logits")
	logits, err := v.Float32s()
	if err != nil || !slices.Equal(v.Shape, []int{62, 936}) {
		t.Fatalf("logits are %v, %v", v.Shape, err)
	}
	for i, tok := range answer.Tokens[:2] {
		row := logits[(60+i)*936:][:936]
		if slices.Max(row) != row[tok] {
			t.Errorf("row %d picks another token than run", 60+i)
		}
	}
	if q, _ := f.Tensor("layers.1.attention.q"); !slices.Equal(q.Shape, []int{62, 128}) {
		t.Errorf("layers.1.attention.q is %v", q.Shape)
	}
}

func TestGlobs(t *testing.T) {
	tests := []struct {
		pattern  string
		yes, not []string
	}{
		{"layers.*", []string{"layers.0", "layers.31"}, []string{"layers.0.h", "vision.0.layers.0", "layers"}},
		{"*.attention.q*", []string{"layers.0.attention.q", "vision.1.layers.2.attention.q_rotated"}, []string{"layers.0.attention.k"}},
		{"*.q", []string{"layers.0.attention.q"}, []string{"layers.0.attention.q_rotated"}},
		{"**", []string{"norm", "layers.0.attention.q"}, nil},
		{"vision.**", []string{"vision.0.ln_pre", "vision.0.layers.1.h"}, []string{"layers.1.h"}},
		{"layers.{0,2}", []string{"layers.0", "layers.2"}, []string{"layers.1"}},
		{"layers.[0-1].*.q", []string{"layers.1.attention.q"}, []string{"layers.2.attention.q", "layers.1.q"}},
		{"norm", []string{"norm"}, []string{"normed", "layers.0.norm"}},
	}
	for _, test := range tests {
		g, err := parseGlobs([]string{test.pattern})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range test.yes {
			if !g.match(name) {
				t.Errorf("%s does not match %s", test.pattern, name)
			}
		}
		for _, name := range test.not {
			if g.match(name) {
				t.Errorf("%s matches %s", test.pattern, name)
			}
		}
	}
}
