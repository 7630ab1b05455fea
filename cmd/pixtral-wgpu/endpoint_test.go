package main

import (
	"bufio"
	"context"
	"io"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
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
