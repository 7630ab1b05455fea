//go:build llamacpp

package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"pixtral-wgpu/tokenizer"
)

// prompts are texts to go on with, and questions that the model's template wraps.
var prompts = []struct{ kind, text string }{
	{"plain", "The capital of France is"},
	{"plain", "Once upon a time, in a small village by the sea,"},
	{"plain", "def fibonacci(n):\n    \"\"\"Return the n-th Fibonacci number.\"\"\"\n"},
	{"plain", "The history of the bicycle begins in the year"},
	{"plain", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,"},
	{"chat", "Explain in detail how photosynthesis works in plants."},
	{"chat", "Write a short poem about the moon."},
	{"chat", "Explain to a child how a bicycle stays upright."},
	{"chat", "List five uses for a paper clip."},
	{"chat", "What does the French word « été » mean? Explain it in detail, with examples."},
}

// system is what SmolLM2's template puts before a conversation without a system
// prompt. llama.cpp knows templates by their form and has to be told.
const system = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"

const (
	answerTokens = 64 // of each prompt, past the end of an answer if it is shorter
	candidates   = 5  // logits kept of each step
)

// A record is what model/testdata/llamacpp holds; model/llamacpp_test.go reads it.
type record struct {
	LlamaCpp string   `json:"llama_cpp"`
	Model    string   `json:"model"`
	SHA256   string   `json:"sha256"`
	Prompts  []answer `json:"prompts"`
}

// An answer is a prompt and how llama.cpp goes on. For each token of it there
// are the likeliest candidates, their logits, and their logits after the same
// tokens by the same weights, keys and values in f32, for which llama.cpp rounds
// nothing.
type answer struct {
	Kind       string              `json:"kind"`
	Text       string              `json:"text"`
	Tokens     []tokenizer.Token   `json:"tokens"`
	Answer     []tokenizer.Token   `json:"answer"`
	AnswerText string              `json:"answer_text"`
	Top        [][]tokenizer.Token `json:"top"`
	Logits     [][]rounded         `json:"logits"`
	Float      [][]rounded         `json:"float"`
}

// rounded is a number written with three decimals.
type rounded float64

func (r rounded) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%.3f", float64(r)), nil }

// fixture prints the record of a model.
func fixture(ctx context.Context, o *options) error {
	if len(o.args) != 1 {
		return fmt.Errorf("fixture takes the path of a .gguf file")
	}
	rec := record{LlamaCpp: "v0.5.0, CPU, one thread", Model: filepath.Base(o.args[0])}
	var err error
	if rec.SHA256, err = sum(o.args[0]); err != nil {
		return err
	}
	if rec.Prompts, err = o.answers(ctx, o.args[0]); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "llamacpp")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	floats := filepath.Join(dir, "f32.gguf")
	if err := dequantize(floats, o.args[0]); err != nil {
		return err
	}
	if err := o.score(ctx, floats, rec.Prompts); err != nil {
		return err
	}
	return write(os.Stdout, rec)
}

func sum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return fmt.Sprintf("%x", h.Sum(nil)), err
}

// theirs opens a model in llama.cpp, with keys and values in a type.
func (o *options) theirs(backend, path, kv string, context int) (*driver, error) {
	d, err := o.start(backend)
	if err != nil {
		return nil, err
	}
	if _, err := d.ask("load %d %s %s", context, kv, path); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// answers has llama.cpp go on with each prompt.
func (o *options) answers(ctx context.Context, path string) ([]answer, error) {
	d, err := o.theirs("cpu", path, "f16", 512)
	if err != nil {
		return nil, err
	}
	defer d.close()
	var list []answer
	for _, p := range prompts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		a := answer{Kind: p.kind, Text: p.text}
		if err := a.fill(d); err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}

func (a *answer) fill(d *driver) (err error) {
	text := a.Text
	if a.Kind == "chat" {
		text = system + "\t" + text
	}
	if a.Tokens, err = d.encode(a.Kind, text); err != nil {
		return err
	}
	if _, err := d.eval(0, a.Tokens...); err != nil {
		return err
	}
	for range answerTokens {
		top, err := d.numbers("top %d", candidates)
		if err != nil {
			return err
		}
		var ids []tokenizer.Token
		var logits []rounded
		for i := 0; i < len(top); i += 2 {
			ids = append(ids, tokenizer.Token(top[i]))
			logits = append(logits, rounded(top[i+1]))
		}
		a.Answer = append(a.Answer, ids[0])
		a.Top, a.Logits = append(a.Top, ids), append(a.Logits, logits)
		if _, err := d.eval(len(a.Tokens)+len(a.Answer)-1, ids[0]); err != nil {
			return err
		}
	}
	text, err = d.ask("text%s", spell(a.Answer))
	a.AnswerText = strings.NewReplacer(`\\`, "\\", `\n`, "\n").Replace(text)
	return err
}

// score adds the logits that another file's weights give after the same tokens.
func (o *options) score(ctx context.Context, path string, list []answer) error {
	d, err := o.theirs("cpu", path, "f32", 512)
	if err != nil {
		return err
	}
	defer d.close()
	for i := range list {
		a := &list[i]
		next := a.Tokens
		for step, tok := range a.Answer {
			if err := ctx.Err(); err != nil {
				return err
			}
			if _, err := d.eval(len(a.Tokens)+step-len(next), next...); err != nil {
				return err
			}
			logits, err := d.numbers("logits%s", spell(a.Top[step]))
			if err != nil {
				return err
			}
			var row []rounded
			for _, l := range logits {
				row = append(row, rounded(l))
			}
			a.Float, next = append(a.Float, row), []tokenizer.Token{tok}
		}
	}
	return nil
}

// write prints the record, a prompt a line.
func write(out io.Writer, rec record) error {
	list := rec.Prompts
	rec.Prompts = nil
	head, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s[\n", strings.TrimSuffix(string(head), "null}"))
	for i, a := range list {
		line, err := json.Marshal(a)
		if err != nil {
			return err
		}
		comma := ","
		if i+1 == len(list) {
			comma = ""
		}
		fmt.Fprintf(out, "%s%s\n", line, comma)
	}
	_, err = fmt.Fprintln(out, "]}")
	return err
}
