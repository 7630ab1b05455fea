package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pixtral-wgpu/batch"
	"pixtral-wgpu/remote/fake"
)

// asks is a line of a batch: a question about a picture beside it.
func asks(id, picture, question string) string {
	return fmt.Sprintf(`{"custom_id":%q,"method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-4o","temperature":0,"max_tokens":20,`+
		`"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":%q}},{"type":"text","text":%q}]}]}}`, id, picture, question)
}

func batchResults(t *testing.T, path string) map[string]batch.Result {
	t.Helper()
	all := map[string]batch.Result{}
	for line := range strings.Lines(read(t, path)) {
		var r batch.Result
		parseJSON(t, line, &r)
		all[r.CustomID] = r
	}
	return all
}

// The answers of a batch are those that the same questions get one by one.
func TestRunBatch(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a circle.png"), []byte(read(t, circle)), 0o600); err != nil {
		t.Fatal(err)
	}
	in, out := filepath.Join(dir, "in.jsonl"), filepath.Join(dir, "out.jsonl")
	text := asks("circle", "a circle.png", "What is this?") + "\n" + asks("star", absolute(t, star), "How many shapes are there?") + "\n" +
		asks("lost", "lost.png", "What?") + "\nnonsense\n"
	if err := os.WriteFile(in, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := px(t, "", "run", "--batch", in, "--out", out)
	if want := "2 of 4 requests have no answer, the first: line "; r.code != failed || !strings.Contains(r.err, want) || r.out != "" {
		t.Fatalf("%d: %s%s", r.code, r.out, r.err)
	}
	got := batchResults(t, out)
	for id, args := range map[string][]string{"circle": {circle, "What is this?"}, "star": {star, "How many shapes are there?"}} {
		var answer struct {
			Model   string
			Choices []struct{ Message struct{ Content string } }
		}
		if got[id].Response == nil || got[id].Response.StatusCode != 200 {
			t.Fatalf("%s: %+v", id, got[id])
		}
		if err := json.Unmarshal(got[id].Response.Body, &answer); err != nil {
			t.Fatal(err)
		}
		if want := askJSON(t, "", append([]string{"--max-tokens", "20"}, args...)...).Text; answer.Choices[0].Message.Content != want || answer.Model != "pocket" {
			t.Errorf("%s: %+v, want %q", id, answer, want)
		}
	}
	if e := got["lost"].Error; e == nil || !strings.Contains(e.Message, "lost.png: no such file") {
		t.Errorf("a lost picture: %+v", got["lost"])
	}

	e := fake.New(t, fake.Says("two words"))
	if err := os.WriteFile(in, []byte(strings.Join(strings.SplitAfter(text, "\n")[:2], "")+asks("new", "a circle.png", "What?")), 0o600); err != nil {
		t.Fatal(err)
	}
	again := ok(t, "", "run", "--batch", in, "--out", out, "--endpoint", e.URL)
	if !strings.Contains(again.err, "which has 2 answers") || !strings.Contains(again.err, "3 requests answered · 1 of them in ") || e.Asked.Load() != 1 {
		t.Errorf("%s after %d requests", again.err, e.Asked.Load())
	}
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	full, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return full
}

func TestBatchMistakes(t *testing.T) {
	in := file(t, "in.jsonl", asks("a", circle, "What?"))
	for args, want := range map[string]string{
		"run|--batch|" + in:                                                     "--out FILE",
		"run|--batch|" + in + "|--out|" + in:                                    "--out is the batch itself",
		"run|--batch|" + in + "|--out|x|--seed|1":                               "--seed is for a single question",
		"run|--batch|" + in + "|--out|x|What?":                                  `"What?" is one too many`,
		"run|--batch|" + in + "|--out|x|--parallel|0":                           "--parallel is 1 or more",
		"run|--batch|nowhere.jsonl|--out|x":                                     "batch nowhere.jsonl: no such file",
		"run|--out|x|What?":                                                     "only with --batch",
		"run|--batch|" + in + "|--out|x|--endpoint|http://localhost:1|--ctx|64": "--ctx is for the engine here",
	} {
		if r := px(t, "", strings.Split(args, "|")...); r.code == done || !strings.Contains(r.err, want) {
			t.Errorf("%s: %d, %s", args, r.code, r.err)
		}
	}
}
