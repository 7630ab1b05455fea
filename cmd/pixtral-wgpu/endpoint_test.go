package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
)

// serving starts serve on a free port and returns its address.
func serving(t *testing.T, args ...string) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"serve", "--port", "0", "--log", "off"}, args...), strings.NewReader(""), io.Discard, w)
		w.Close()
	}()
	t.Cleanup(func() {
		stop()
		if c := <-code; c != done {
			t.Errorf("serve ended with %d", c)
		}
	})
	said := ""
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		said += lines.Text() + "\n"
		if at := regexp.MustCompile(`API +(http://\S+)/v1`).FindStringSubmatch(said); at != nil {
			go func() { _, _ = io.Copy(io.Discard, r) }()
			return at[1]
		}
	}
	t.Fatalf("serve does not say where it is: %s", said)
	return ""
}

// What this program's own server answers to run, chat and eval is what the
// model answers here.
func TestEndpointIsOurs(t *testing.T) {
	url := serving(t, "--api-keys", file(t, "keys", "a-long-key\n"))
	t.Setenv("OUR_KEY", "a-long-key")
	there := func(args ...string) []string { return append(args, "--endpoint", url, "--api-key-env", "OUR_KEY") }

	ask := []string{"run", "--temperature", "0", "--max-tokens", "30", circle, "What is this?"}
	here, elsewhere := ok(t, "", ask...), ok(t, "", there(ask...)...)
	if here.out != elsewhere.out || !strings.HasSuffix(elsewhere.err, " · pocket at "+url+"\n") {
		t.Errorf("run: %q here, %q there; %s", here.out, elsewhere.out, elsewhere.err)
	}
	var report remoteReport
	okJSON(t, &report, "", there(append(ask, "--json")...)...)
	if local := askJSON(t, "", "--max-tokens", "30", circle, "What is this?"); report.Text != local.Text || report.FinishReason != local.FinishReason ||
		report.Usage.PromptTokens != local.Usage.PromptTokens || report.Usage.CompletionTokens != local.Usage.CompletionTokens {
		t.Errorf("run --json: %+v there, %+v here", report, local)
	}

	script := "/set temperature 0\n/set max-tokens 30\n/image " + star + "\nWhat is this?\nAnd what else?\n/retry\n/clear\n\"\"\"Hello,\nyou\"\"\"\n"
	if a, b := ok(t, script, "chat"), ok(t, script, there("chat")...); a.out != b.out || strings.Count(a.out, "\n") < 4 {
		t.Errorf("chat: %q here, %q there", a.out, b.out)
	}

	var a, b evalJSON
	items, dir := heldOut(t, 6), t.TempDir()
	okJSON(t, &a, "", "eval", items, "--json", "--out", filepath.Join(dir, "here.jsonl"))
	okJSON(t, &b, "", there("eval", items, "--json", "--out", filepath.Join(dir, "there.jsonl"))...)
	if b.Model != "pocket at "+url || !reflect.DeepEqual(a.Metrics, b.Metrics) {
		t.Errorf("eval: %+v here, %+v there", a, b)
	}

	in, out := file(t, "in.jsonl", strings.ReplaceAll(asks("a", absolute(t, circle), "What is this?"), "gpt-4o", "pocket")), filepath.Join(dir, "out.jsonl")
	ok(t, "", there("run", "--batch", in, "--out", out)...)
	if got := batchResults(t, out)["a"]; got.Response == nil || !strings.Contains(string(got.Response.Body), `"`+report.Text+`"`) {
		t.Errorf("run --batch: %+v", got)
	}

	for want, args := range map[string][]string{
		"401 Unauthorized": {"run", "--endpoint", url, "x"},
		`404 Not Found`:    there("run", "-m", "gpt-4o", "x"),
		"cut short":        there("run", "--max-tokens", "1", circle, "What is this?"),
	} {
		if r := px(t, "", args...); !strings.Contains(r.err, want) {
			t.Errorf("%q: %d, %s; want %s", args, r.code, r.err, want)
		}
	}
}

// The same with llama.cpp's server and a model of texts: "make llamacpp" starts
// one, with four slots of 1024 tokens, and says where it is.
func TestEndpointIsLlamaCpp(t *testing.T) {
	url := os.Getenv("PIXTRAL_LLAMA_SERVER")
	if url == "" {
		t.Skip("make llamacpp runs it")
	}
	awaitServer(t, url)
	there := func(args ...string) []string { return append(args, "--endpoint", url) }
	dir := t.TempDir()

	ask := there("run", "--temperature", "0", "--max-tokens", "40", "What is the capital of France?")
	r := ok(t, "", ask...)
	t.Logf("run: %s%s", r.out, r.err)
	if len(r.out) < 10 || !strings.Contains(r.err, " · SmolLM2-135M-Instruct at "+url) || !strings.Contains(r.err, "tok/s") {
		t.Errorf("run: %q, %q", r.out, r.err)
	}
	var report remoteReport
	okJSON(t, &report, "", append(ask, "--json")...)
	if report.Text+"\n" != r.out || report.Usage.PromptTokens == 0 || report.Usage.CompletionTokens == 0 || report.FinishReason == "" {
		t.Errorf("run --json: %+v", report)
	}

	c := ok(t, "/system You are terse.\n/set temperature 0\n/set max-tokens 30\nWhat is the capital of France?\n/retry\nAnd of Italy?\n/stats\n", there("chat")...)
	t.Logf("chat: %s%s", c.out, c.err)
	if said := strings.Split(c.out, "\n"); len(said) != 4 || said[0] == "" || said[0] != said[1] || said[1] == said[2] || !strings.Contains(c.err, "in all: 3 answers") {
		t.Errorf("chat: %q, %q", c.out, c.err)
	}

	items := file(t, "capitals.jsonl", `{"question":"What is the capital of France? Answer with one word.","answer":["Paris","The capital of France is Paris."]}
{"question":"What is the capital of Italy? Answer with one word.","answer":["Rome","The capital of Italy is Rome."]}
{"question":"What is 2 + 2? Answer with a number.","answer":"4"}
`)
	log := filepath.Join(dir, "capitals.log")
	e := ok(t, "", there("eval", items, "--out", log, "--parallel", "3")...)
	t.Logf("eval: %s", e.out)
	if again := ok(t, "", there("eval", items, "--out", log)...); again.out != e.out || !strings.Contains(again.err, "which has 3 answers") {
		t.Errorf("eval: %q, then %q", e.out, again.out)
	}

	var in strings.Builder
	for i := range 6 {
		fmt.Fprintf(&in, `{"custom_id":"%d","body":{"max_tokens":8,"temperature":0,"messages":[{"role":"user","content":"Count from %d."}]}}`+"\n", i, i)
	}
	fmt.Fprintf(&in, `{"custom_id":"long","body":{"messages":[{"role":"user","content":"%s"}]}}`+"\n", strings.Repeat("far too long ", 1000))
	out := filepath.Join(dir, "out.jsonl")
	b := px(t, "", there("run", "--batch", file(t, "in.jsonl", in.String()), "--out", out, "--parallel", "4")...)
	t.Logf("run --batch: %s", b.err)
	got := batchResults(t, out)
	if b.code != failed || !strings.Contains(b.err, "1 of 7 requests have no answer") || got["5"].Response.StatusCode != 200 || got["long"].Response.StatusCode != 400 {
		t.Errorf("run --batch: %+v", got)
	}
	t.Logf("refused: %s", got["long"].Response.Body)

	for want, args := range map[string][]string{
		"400 Bad Request: request (": there("run", strings.Repeat("far too long ", 1000)),
		"image input is not supp":    there("run", circle, "What is this?"),
	} {
		if r := px(t, "", args...); r.code != failed || !strings.Contains(r.err, want) {
			t.Errorf("%d, %s; want %s", r.code, r.err, want)
		}
	}
}

// awaitServer waits until a server has its model.
func awaitServer(t *testing.T, url string) {
	t.Helper()
	for range 600 {
		res, err := http.Get(url + "/health")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("nobody answers at %s", url)
}
