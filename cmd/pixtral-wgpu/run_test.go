package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pixtral-wgpu/tokenizer"
)

// ask runs the program greedily and reads the JSON.
func askJSON(t *testing.T, stdin string, args ...string) (r report) {
	t.Helper()
	okJSON(t, &r, stdin, append([]string{"run", "--json", "--temperature", "0"}, args...)...)
	return r
}

func TestRun(t *testing.T) {
	r := ok(t, "", "run", "--seed", "7", circle, "What is this?")
	if !strings.HasSuffix(r.out, "\n") || strings.Count(r.out, "\n") != 1 || len(r.out) < 4 {
		t.Errorf("the answer is %q", r.out)
	}
	closing := regexp.MustCompile(`^61 tokens in \(54 of images\), \d+ out · first after \d+\.\d\d s · \d+\.\d tok/s · seed 7 · .+\n$`)
	if !closing.MatchString(r.err) {
		t.Errorf("the closing line is %q", r.err)
	}
	if again := ok(t, "", "run", "--seed", "7", circle, "What is this?"); again.out != r.out {
		t.Errorf("with the same seed, %q and %q", r.out, again.out)
	}
	cut := ok(t, "", "run", "--max-tokens", "1", circle, "What is this?")
	if !strings.Contains(cut.err, " · seed ") || !strings.HasSuffix(cut.err, "cut short: --max-tokens 1\n") {
		t.Errorf("the closing line is %q", cut.err)
	}
	if full := ok(t, "", "run", "--ctx", "63", circle, "What is this?"); !strings.HasSuffix(full.err, "cut short: a context of 63 is full (--ctx)\n") {
		t.Errorf("the closing line is %q", full.err)
	}
}

func TestRunJSON(t *testing.T) {
	r := askJSON(t, "", circle, "What is this?")
	if u := r.Usage; u.PromptTokens != 61 || u.ImageTokens != 54 || u.CompletionTokens != len(r.Tokens) || len(r.Tokens) == 0 {
		t.Errorf("%+v with %d tokens", u, len(r.Tokens))
	}
	if r.FinishReason != "stop" || r.Text == "" || r.Model != "pocket" || r.Quant != "" || r.Context != 8192 || r.Device == "" {
		t.Errorf("%+v", r)
	}
	if m := r.Timings; m.LoadMS <= 0 || m.FirstTokenMS <= 0 || m.AnswerMS <= 0 || m.TokensPerSecond <= 0 || m.PromptPerSecond <= 0 {
		t.Errorf("%+v", m)
	}
	var text struct{ Text string }
	parse := ok(t, "", append([]string{"detokenize"}, ids(r.Tokens)...)...).out
	if err := json.Unmarshal([]byte(parse), &text); err != nil || text.Text != r.Text {
		t.Errorf("the tokens spell %q, the text is %q", text.Text, r.Text)
	}
	stopped := askJSON(t, "", "--stop", r.Text[1:], circle, "What is this?")
	if stopped.Text != r.Text[:1] || stopped.FinishReason != "stop" {
		t.Errorf("stopped at %q, reason %s", stopped.Text, stopped.FinishReason)
	}
	if nothing := ok(t, "", "run", "--json", "--stop", r.Text, "--temperature", "0", circle, "What is this?").out; !strings.Contains(nothing, `"text":"",`) {
		t.Error(nothing)
	}
}

func ids(tokens []tokenizer.Token) []string {
	data, _ := json.Marshal(tokens)
	return []string{string(data)}
}

// An image is the same from wherever it comes.
func TestSources(t *testing.T) {
	picture := read(t, circle)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/circle.png" {
			http.NotFound(w, r)
			return
		}
		w.Write([]byte(picture))
	}))
	defer server.Close()
	want := askJSON(t, "", circle, "What is this?").Tokens
	for _, args := range [][]string{
		{"--image", circle, "What is this?"},
		{"-", "What is this?"},
		{"--image", "-", "What is this?"},
		{server.URL + "/circle.png", "What is this?"},
		{"data:image/png;base64," + base64.StdEncoding.EncodeToString([]byte(picture)), "What is this?"},
		{circle, "{image}What is this?"},
	} {
		if got := askJSON(t, picture, args...).Tokens; !slices.Equal(got, want) {
			t.Errorf("%.60q: %v, want %v", args, got, want)
		}
	}
	for args, want := range map[string]string{
		server.URL + "/nothing.png":                      "the server answers 404 Not Found",
		"--max-download 0 " + server.URL + "/circle.png": "it is longer than 0 MB; --max-download allows more",
		"data:image/png":                                 "a data URI without a comma",
		"data:image/png;base64,***":                      "not base64",
		"http://127.0.0.1:1/x.png":                       "refused",
	} {
		if r := px(t, "", append(append([]string{"run"}, strings.Fields(args)...), "What?")...); r.code != failed || !strings.Contains(r.err, want) {
			t.Errorf("%s: exit code %d, %s; want %s", args, r.code, r.err, want)
		}
	}
}

// Tokens are the same prompt as the question they were made from.
func TestRunTokens(t *testing.T) {
	want := askJSON(t, "", circle, "What is this?").Tokens
	prompt := file(t, "tokens.json", ok(t, "", "tokenize", "--image", circle, "What is this?").out)
	if got := askJSON(t, "", "--tokens", prompt, circle).Tokens; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Images come where the question wants them, else first.
func TestPlaces(t *testing.T) {
	tests := []struct {
		images   []string
		question string
		want     string // sources in brackets, and text
	}{
		{nil, "Hello", "Hello"},
		{[]string{"a"}, "What?", "[a]What?"},
		{[]string{"a", "b"}, "What?", "[a][b]What?"},
		{[]string{"a", "b"}, "From {image} to {image}?", "From [a] to [b]?"},
		{[]string{"a", "b"}, "{image}{image}", "[a][b]"},
	}
	for _, test := range tests {
		got := ""
		for _, part := range (ask{test.images, test.question}).parts() {
			if part.IsImage() {
				got += "[" + part.Source + "]"
			}
			got += part.Text
		}
		if got != test.want {
			t.Errorf("%q with %v: %s, want %s", test.question, test.images, got, test.want)
		}
	}
}

func TestLines(t *testing.T) {
	var b strings.Builder
	l := &lines{w: &b, terminal: true}
	for _, piece := range []string{"a\tb\n", "\x1b[31mred", "é\u0085"} {
		if err := l.print(piece); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.end(); err != nil || b.String() != "a\tb\n\uFFFD[31mredé\uFFFD\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
}
