package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	examples = "../../model/pocket/examples/"
	circle   = examples + "red-circle.png"
	star     = examples + "square-and-star.png"
)

// A result is what a run of the program left behind.
type result struct {
	code     int
	out, err string
}

func px(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	code := run(t.Context(), args, strings.NewReader(stdin), &out, &err)
	return result{code, out.String(), err.String()}
}

// ok runs the program and wants it to be done.
func ok(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	r := px(t, stdin, args...)
	if r.code != done {
		t.Fatalf("%q: exit code %d, %s", args, r.code, r.err)
	}
	return r
}

// okJSON runs the program and reads what it prints.
func okJSON(t *testing.T, into any, stdin string, args ...string) {
	t.Helper()
	parseJSON(t, ok(t, stdin, args...).out, into)
}

func parseJSON(t *testing.T, text string, into any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if d.More() {
		t.Fatalf("more than one JSON value: %s", text)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// file writes a file into a temporary directory.
func file(t *testing.T, name, data string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(data), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// A mistake says what went wrong in one line and what to do; only a misuse is
// followed by where the help is.
func TestMistakes(t *testing.T) {
	picture := read(t, circle)
	cut, pdf := file(t, "cut.png", picture[:len(picture)/2]), file(t, "paper.png", "%PDF-1.7 and so on")
	tests := []struct {
		args string // parted by |
		code int
		want string
	}{
		{"rum", misused, `there is no verb "rum"; did you mean "run"?`},
		{"run|--temprature|1|x", misused, "unknown flag: --temprature"},
		{"run", misused, "the question is missing"},
		{"run|" + circle, misused, "the question is missing"},
		{"run|-", misused, "the question is missing"},
		{"run|What is this?|" + circle, misused, "the question is missing: it is the last argument"},
		{"run|What|is|this?", misused, `there is no image "What"; put the question in quotes`},
		{"run|" + circle + "| ", misused, "the question is missing"},
		{"run|--temperature|-1|x", misused, "a temperature of -1"},
		{"run|--top-p|1.5|x", misused, "a top-p of 1.5"},
		{"run|--max-tokens|-1|x", misused, "--max-tokens -1"},
		{"run|--max-tokens|many|x", misused, "--max-tokens"},
		{"run|--ctx|1|x", misused, "--ctx 1: it may be 2 to 131072"},
		{"run|--kv|f8|x", misused, "it may be f16, q8_0 or f32"},
		{"run|--quant|q3|x", misused, "it may be auto, f32, f16"},
		{"run|--memory|much|x", misused, "it is a number and a unit, for example 8GiB"},
		{"run|--arch|gpt|x", misused, "it may be pixtral-12b, 1b or pocket"},
		{"run|--arch|1b|-m|pocket|x", misused, "--arch and --model exclude each other"},
		{"run|--limits|none|x", misused, "it may be full or default"},
		{"run|--exif|x|x", misused, "it may be apply or ignore"},
		{"run|--image|" + circle + "|{image} or {image}?", misused, "2 images ({image}), but 1 is given"},
		{"run|--tokens|t.json|--system|s", misused, "--system and --tokens exclude each other"},
		{"run|-|-|What?", misused, `"-", standard input, can be only one image`},
		{"trace|x", misused, "--out FILE is missing"},
		{"trace|--out|x|--match|[|x", misused, `--match "[" is not a pattern`},
		{"image", misused, "image takes one image, but got 0"},
		{"bench|speed", misused, `there is nothing called "speed" to measure; there are ceilings`},
		{"bench|--samples|0", misused, "--samples 0: at least one is needed"},
		{"bench|--json|--markdown", misused, "--json and --markdown exclude each other"},
		{"bench|--ctx|0", misused, "0 is no size to measure"},
		{"quantize|--quant|q8_0", misused, "--out DIRECTORY is missing"},
		{"quantize|--quant|auto|--out|x", misused, "it may be f32, f16, bf16"},
		{"synth|--out|" + t.TempDir(), misused, "--arch NAME is missing; there are pixtral-12b, 1b or pocket"},
		{"quantize|--out|" + cut, failed, "not a directory"},
		{"synth|--arch|pocket|--out|" + t.TempDir() + "|--tekken|" + pdf, failed, "paper.png: "},
		{"pull", misused, "pull takes the name of one repository"},
		{"pull|not a name", failed, "is not the name of a repository"},
		{"models|list", misused, `models can only list or rm, but got "list"`},
		{"models|rm", misused, "which model is to be removed?"},
		{"doctor|x", misused, `doctor takes no arguments, but got "x"`},
		{"detokenize|one", misused, "not a JSON array of token ids"},
		{"tokenize|--chat|x.json|text", misused, "--chat has the text already"},

		{"run|-m|nowhere|x", failed, `nowhere: no such file or directory; a model is a directory with params.json`},
		{"run|-m|.|x", failed, "params.json"},
		{"run|missing.png|What?", failed, "image missing.png: no such file"},
		{"run|./|What?", failed, "image ./: it is a directory; name a file"},
		{"run|ftp://host/x.png|What?", failed, "addresses of ftp: are not read; use http"},
		{"run|" + pdf + "|What?", failed, "paper.png: pixels: not an image this program reads"},
		{"run|" + cut + "|What?", failed, "cut.png: pixels: PNG: the file is truncated"},
		{"run|--ctx|20|" + circle + "|What?", failed, "tokens and the context holds 19; use --ctx"},
		{"run|--memory|1MB|x", failed, "as it is with a context of 8192, and there is 976.6 KiB (--memory): not even q4_k"},
		{"run|--gpu-layers|6|x", misused, "--gpu-layers 6: the model has 5"},
		{"view|--offscreen|" + t.TempDir() + "/x.png|-m|../../model/testdata/formats/llama_gguf/tied-f16.gguf|" + circle + "|What?", failed, "reads text only"},
		{"run|--gpu-layers|-1|x", misused, "--gpu-layers -1: it is a number of layers"},
		{"run|--quant|auto|--gpu-layers|2|--memory|1MB|x", failed, "not even as q4_k; use a smaller --gpu-layers or --ctx"},
		{"info|x", misused, `info takes no arguments`},
		{"run|--memory|15MB|x", failed, "(--memory): use --ctx "},
		{"run|--arch|pixtral-12b|--memory|12GB|--tokens|" + file(t, "t.json", "[1, 3]"), failed, "model random pixtral-12b needs 25.58 GiB as it is with a context of 8192, and there is 11.18 GiB (--memory): use --quant q5_k, which needs 10.4 GiB"},
		{"run|--device|no such|x", failed, `no adapter is called "no such"`},
		{"run|--shaders|.|x", failed, "there are no .wgsl files"},
		{"run|--tokens|" + file(t, "t.json", "{}"), failed, "t.json: not a JSON array of token ids"},
		{"run|--tokens|" + file(t, "t.json", "[1, 100000]"), failed, "token 100000 at 1 is outside the vocabulary"},
		{"run|--tokens|" + file(t, "t.json", "[1, 10]"), failed, "1 image tokens for images of 0 patches"},
		{"trace|--out|nowhere/t|x", failed, "no such file"},
		{"trace|--out|" + file(t, "t", "") + "|--match|nothing|x", failed, "no value matches nothing; there are, for numbers N, embeddings, layers.N, norm, logits"},
		{"tokenize|--tekken|nowhere", failed, "nowhere"},
		{"tokenize|--chat|" + file(t, "c.json", `{"messages": []}`), failed, "chat"},
		{"detokenize|100000", failed, "token 0 is 100000"},
	}
	for _, test := range tests {
		r := px(t, picture, strings.Split(test.args, "|")...)
		lines := strings.Split(strings.TrimSuffix(r.err, "\n"), "\n")
		if r.code != test.code || !strings.HasPrefix(lines[0], "pixtral-wgpu: ") || !strings.Contains(lines[0], test.want) {
			t.Errorf("%s: exit code %d, want %d with %q; got %s", test.args, r.code, test.code, test.want, r.err)
		}
		if want := map[int]int{misused: 2, failed: 1}[test.code]; len(lines) != want || r.out != "" {
			t.Errorf("%s: %d lines of errors, want %d: %s%s", test.args, len(lines), want, r.err, r.out)
		}
	}
}

// A writer to a disk that is full.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// What cannot be printed is not done, whichever verb prints it.
func TestFullDisk(t *testing.T) {
	for _, args := range []string{"version", "doctor", "image " + circle, "run --help", "tokenize x", "info"} {
		var err bytes.Buffer
		code := run(t.Context(), strings.Fields(args), strings.NewReader(""), full{}, &err)
		if code != failed || err.String() != "pixtral-wgpu: no space left on device\n" {
			t.Errorf("%s: exit code %d: %s", args, code, &err)
		}
	}
}

// Every verb has its help, no wider than a terminal.
func TestHelp(t *testing.T) {
	for _, verb := range []string{"", "run", "image", "info", "tokenize", "detokenize", "trace", "bench", "quantize", "synth", "pull", "models", "doctor", "version", "completion"} {
		args := strings.Fields(verb + " --help")
		for line := range strings.Lines(ok(t, "", args...).out) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 && verb != "completion" {
				t.Errorf("%s: %d columns: %s", verb, n, line)
			}
		}
	}
	if r := ok(t, ""); !strings.Contains(r.out, "Available Commands") {
		t.Errorf("without a verb: %s", r.out)
	}
}

func TestVersion(t *testing.T) {
	if out := ok(t, "", "version").out; !strings.Contains(out, "wgpu-native ") || !strings.Contains(out, "go1.") || !strings.Contains(out, "adapter ") {
		t.Error(out)
	}
}

// The manual has a page for each verb of the help, and the shells their completions.
func TestMan(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "0")
	dir := t.TempDir()
	ok(t, "", "man", dir)
	for _, verb := range newRoot().Commands() {
		if path := filepath.Join(dir, "man", "pixtral-wgpu-"+verb.Name()+".1"); !verb.Hidden && !strings.Contains(read(t, path), "Jan 1970") {
			t.Errorf("%s has another date", path)
		}
	}
	for _, name := range []string{"pixtral-wgpu.bash", "pixtral-wgpu.fish", "pixtral-wgpu.ps1", "_pixtral-wgpu"} {
		if !strings.Contains(read(t, filepath.Join(dir, "completions", name)), "pixtral-wgpu") {
			t.Errorf("%s completes nothing", name)
		}
	}
}

// A writer that interrupts the program when the answer begins.
type interrupter struct {
	text bytes.Buffer
	stop context.CancelFunc
}

func (w *interrupter) Write(p []byte) (int, error) {
	w.stop()
	return w.text.Write(p)
}

func TestInterrupt(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var err bytes.Buffer
	out := &interrupter{stop: stop}
	code := run(ctx, []string{"run", "--temperature", "0", circle, "What is this?"}, strings.NewReader(""), out, &err)
	if code != failed || err.String() != "pixtral-wgpu: interrupted\n" {
		t.Errorf("exit code %d: %s", code, &err)
	}
	if text := out.text.String(); text == "" || !strings.HasSuffix(text, "\n") || strings.Count(text, " ") > 1 {
		t.Errorf("%q is left of the answer", text)
	}
}
