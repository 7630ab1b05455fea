package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pixtral-wgpu/remote/fake"
)

const pocketItems = "../../model/pocket/testdata/items.jsonl"

// The same items asked of the model here and of the same model behind a
// server's address, resumed and compared.
func TestEval(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "pocket.jsonl")
	var r evalJSON
	okJSON(t, &r, "", "eval", pocketItems, "--limit", "12", "--json", "--out", log)
	if r.Items != 12 || r.Model != "pocket" || r.Metrics[0].Name != "exact_match" || r.Metrics[0].Value < 0.25 {
		t.Errorf("%+v", r)
	}
	again := ok(t, "", "eval", pocketItems, "--limit", "12", "--out", log)
	if !strings.Contains(again.err, "which has 12 answers") || !strings.Contains(again.out, "exact_match") {
		t.Errorf("the second run printed %s%s", again.out, again.err)
	}
	if other := px(t, "", "eval", pocketItems, "--limit", "5", "--out", log); other.code != failed || !strings.Contains(other.err, "the log of another run") {
		t.Errorf("another limit: %d, %s", other.code, other.err)
	}

	small, page := filepath.Join(dir, "q4.jsonl"), filepath.Join(dir, "page.html")
	okJSON(t, &r, "", "eval", pocketItems, "--limit", "12", "--json", "--out", small, "--quant", "q4_0")
	if r.Model != "pocket q4_0" {
		t.Errorf("the model is %q", r.Model)
	}
	pair := ok(t, "", "eval", "compare", log, small, "--html", page)
	if !strings.Contains(pair.out, "A  pocket\nB  pocket q4_0\n12 items of items in both") || !strings.Contains(read(t, page), "Items that flipped") {
		t.Errorf("compared: %s", pair.out)
	}
	if list := ok(t, "", "eval", "list").out; strings.Count(list, "\n") != 12 || !strings.Contains(list, "mm-mt-bench") {
		t.Errorf("the list is %s", list)
	}
}

func TestEvalElsewhere(t *testing.T) {
	e := fake.New(t, fake.Says("A red circle."))
	t.Setenv("SOME_KEY", "secret")
	log := filepath.Join(t.TempDir(), "log.jsonl")
	r := ok(t, "", "eval", pocketItems, "--limit", "3", "--endpoint", e.URL, "--api-key-env", "SOME_KEY", "--out", log)
	if !strings.Contains(r.out, "a-model at "+e.URL) || e.Asked.Load() != 3 {
		t.Errorf("%s after %d requests", r.out, e.Asked.Load())
	}
	for args, want := range map[string]string{
		"eval|mmnu":                                            `there is no task "mmnu"`,
		"eval|mmmu":                                            "where are the data? --data PATH",
		"eval|mm-mt-bench|--data|x":                            "is judged by a model",
		"eval|" + pocketItems + "|--parallel|0":                "--parallel 1 or more",
		"eval|x.jsonl|--api-key-env|SOME_KEY":                  "no such file",
		"eval|compare|a":                                       "eval compare takes two logs",
		"run|--endpoint|localhost|x":                           "it is a URL such as http://localhost:8000",
		"run|--endpoint|" + e.URL + "|--ctx|64|x":              "--ctx is for the engine here",
		"run|--api-key-env|SOME_KEY|x":                         "--api-key-env is of use only with --endpoint",
		"run|--endpoint|" + e.URL + "|--api-key-env|NO_SUCH|x": "the environment variable NO_SUCH",
	} {
		if r := px(t, "", strings.Split(args, "|")...); r.code == done || !strings.Contains(r.err, want) {
			t.Errorf("%s: %d, %s", args, r.code, r.err)
		}
	}
}

func TestRunElsewhere(t *testing.T) {
	var sent string
	e := fake.New(t, func(_ int64, body string) (string, int) {
		sent = body
		return "two words", 200
	})
	r := ok(t, "", "run", "--endpoint", e.URL+"/v1", "--system", "Be brief.", "--seed", "3", circle, "What is {image}?")
	if r.out != "two words\n" || !strings.Contains(r.err, "7 tokens in, 2 out") || !strings.HasSuffix(r.err, "a-model at "+e.URL+"\n") {
		t.Errorf("printed %q and %q", r.out, r.err)
	}
	for _, want := range []string{`"Be brief."`, `"seed":3`, `"temperature":0.35`, `"max_tokens":256`, `What is `, "data:image/png;base64,"} {
		if !strings.Contains(sent, want) {
			t.Errorf("the request lacks %s", want)
		}
	}
	var report remoteReport
	okJSON(t, &report, "", "run", "--json", "--endpoint", e.URL, "-m", "named", "Hello")
	if report.Text != "two words" || report.Model != "named" || report.Usage.CompletionTokens != 2 || !strings.Contains(sent, `"model":"named"`) {
		t.Errorf("%+v of %s", report, sent)
	}
}

// chat through a pipe, with the model here.
func TestChatPiped(t *testing.T) {
	picture := filepath.Join(t.TempDir(), "a red circle.png")
	if err := os.WriteFile(picture, []byte(read(t, circle)), 0o600); err != nil {
		t.Fatal(err)
	}
	r := ok(t, "/image "+picture+"\nWhat is this?\n/set temperature 0\nWhat colour is it?\n/stats\n", "chat", "--temperature", "0")
	if strings.Count(r.out, "\n") != 2 || !strings.Contains(r.err, "8 x 6 patches, 54 tokens") || !strings.Contains(r.err, "in all: 2 answers") {
		t.Errorf("printed %q and %q", r.out, r.err)
	}
	if bad := px(t, "/imag x\n", "chat"); bad.code != failed || !strings.Contains(bad.err, "there is no command /imag") {
		t.Errorf("%d, %s", bad.code, bad.err)
	}
}
