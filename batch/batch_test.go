package batch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pixtral-wgpu/remote"
	"pixtral-wgpu/remote/fake"
)

func client(t *testing.T, url string) *remote.Client {
	t.Helper()
	c, err := remote.New(remote.Options{BaseURL: url, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func write(t *testing.T, path string, lines ...string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// results returns the lines of a file of answers, by custom_id.
func resultsOf(t *testing.T, path string) map[string][]Result {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]Result{}
	for line := range strings.Lines(string(data)) {
		var r Result
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		all[r.CustomID] = append(all[r.CustomID], r)
	}
	return all
}

func say(id, text string) string {
	return fmt.Sprintf(`{"custom_id":%q,"method":"POST","url":"/v1/chat/completions","body":{"model":"theirs","messages":[{"role":"user","content":%q}],"seed":12345678901234567890}}`, id, text)
}

// echo answers with the text that was asked, and refuses "no".
func echo(_ int64, body string) (string, int) {
	_, text, _ := strings.Cut(body, `"content":"`)
	text, _, _ = strings.Cut(text, `"`)
	if text == "no" {
		return "it is not to be", http.StatusBadRequest
	}
	return text, http.StatusOK
}

// Every line of a batch has a line in the answers, whatever is wrong with it.
func TestLines(t *testing.T) {
	var mu sync.Mutex
	asked := ""
	e := fake.New(t, func(n int64, body string) (string, int) {
		mu.Lock()
		defer mu.Unlock()
		asked += body + "\n"
		return echo(n, body)
	})
	dir := t.TempDir()
	image := func(_ context.Context, source string) ([]byte, error) {
		if strings.HasPrefix(source, "https:") {
			return nil, nil
		}
		return os.ReadFile(filepath.Join(dir, source))
	}
	write(t, filepath.Join(dir, "red.png"), "\x89PNG\r\n\x1a\n")
	in := write(t, filepath.Join(dir, "in.jsonl"), say("a", "one"), "", say("b", "no"), `{"custom_id":"c"`, say("a", "again"),
		`{"custom_id":"mistral","body":{"messages":[{"role":"user","content":"two"}]}}`,
		`{"custom_id":"get","method":"GET","url":"/v1/models"}`, `{"body":{}}`, `{"custom_id":7,"body":{}}`,
		`{"custom_id":"far","url":"https://example.com/v1/x","body":{"a":1}}`, `{"custom_id":"empty"}`, `{"custom_id":"flow","body":{"stream":true}}`,
		`{"custom_id":"seen","body":{"messages":[{"role":"user","content":[{"type":"text","text":"What?"},{"type":"image_url","image_url":{"url":"red.png","detail":"low"}},{"type":"image_url","image_url":"https://example.com/x.png"}]}]}}`,
		`{"custom_id":"gone","body":{"messages":[{"role":"user","content":[{"type":"image_url","image_url":"gone.png"}]}]}}`,
		`{"custom_id":"text","body":{"messages":[{"role":"user","content":[{"type":"image_url","image_url":"in.jsonl"}]}]}}`)
	o := Options{In: in, Out: filepath.Join(dir, "out.jsonl"), Client: client(t, e.URL), Image: image}
	counts, err := Run(t.Context(), o)
	if counts.Cause == "" {
		t.Error("the first cause is not told")
	}
	counts.Cause = ""
	if err != nil || counts != (Counts{Total: 14, Asked: 14, Failed: 11}) {
		t.Fatalf("%+v, %v", counts, err)
	}
	got := resultsOf(t, o.Out)
	for id, want := range map[string]string{
		"a":       `200 {"choices":[{"finish_reason":"stop","message":{"content":"one"`,
		"mistral": `"content":"two"`,
		"b":       `400 {"error":{"message":"it is not to be"}}`,
		"get":     `invalid_request line 7: its method is "GET"`,
		"far":     `line 10: its url is "https://example.com/v1/x"`,
		"empty":   `line 11: it has no "body"`,
		"flow":    `line 12: it asks for a stream`,
		"gone":    `image line 14: open `,
		"text":    `line 15: in.jsonl is no picture but text/plain`,
		"seen":    `200 {`,
	} {
		if !strings.Contains(spell(got[id]), want) {
			t.Errorf("%s: %s; want %s", id, spell(got[id]), want)
		}
	}
	if twice := spell(got["a"]); len(got["a"]) != 2 || !strings.Contains(twice, `duplicate_custom_id line 5: its custom_id "a" is that of line 1`) {
		t.Errorf("a custom_id that is there twice: %s", twice)
	}
	for _, want := range []string{"line 4: it is not JSON: unexpected end", `line 8: it has no "custom_id"`, `line 9: its "custom_id" is of the wrong kind: number`} {
		if all := spell(got[""]); !strings.Contains(all, want) {
			t.Errorf("%s; want %s", all, want)
		}
	}
	for _, want := range []string{`"model":"theirs"`, `"seed":12345678901234567890`, `{"messages":[{"role":"user","content":"two"}],"model":"a-model"}`,
		`{"detail":"low","url":"data:image/png;base64,iVBORw0KGgoK"}`, `"image_url":"https://example.com/x.png"`} {
		if !strings.Contains(asked, want) {
			t.Errorf("nobody was asked %s in %s", want, asked)
		}
	}

	// What failed is asked again, mended here or there; another model is theirs.
	write(t, filepath.Join(dir, "gone.png"), "\x89PNG\r\n\x1a\n")
	o.Model = "ours"
	asked = ""
	counts, err = Run(t.Context(), o)
	counts.Cause = ""
	if err != nil || counts != (Counts{Total: 14, Before: 3, Asked: 11, Failed: 10}) {
		t.Errorf("%+v, %v", counts, err)
	}
	if again := resultsOf(t, o.Out); len(again["gone"]) != 1 || again["gone"][0].Error != nil || len(again["b"]) != 1 {
		t.Errorf("the second run leaves %+v", again)
	}
	if strings.Contains(asked, "theirs") || strings.Count(asked, "\n") != 2 {
		t.Errorf("the second run asked %s", asked)
	}
}

// spell writes results out.
func spell(list []Result) string {
	var b strings.Builder
	for _, r := range list {
		if r.Error != nil {
			fmt.Fprintf(&b, "%s %s\n", r.Error.Code, r.Error.Message)
		}
		if r.Response != nil {
			fmt.Fprintf(&b, "%d %s\n", r.Response.StatusCode, r.Response.Body)
		}
	}
	return b.String()
}

func TestAnotherFileIsLeftAlone(t *testing.T) {
	e := fake.New(t, echo)
	dir := t.TempDir()
	o := Options{In: write(t, filepath.Join(dir, "in.jsonl"), say("a", "one")), Client: client(t, e.URL)}
	for text, want := range map[string]string{
		`{"question":"precious"}`: "line 1 is no answer of a batch",
		"notes":                   "line 1 is no answer of a batch",
		`{"id":"batch_req_1_00","custom_id":"a","response":{"status_code":200,"request_id":"x","body":{}},"error":null}`: `has an answer to "a" that this batch does not ask`,
	} {
		o.Out = write(t, filepath.Join(dir, "out.jsonl"), text)
		if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
		if data, err := os.ReadFile(o.Out); err != nil || string(data) != text+"\n" {
			t.Errorf("%q became of %q", data, text)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.part")); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
	o.In = filepath.Join(dir, "nothing.jsonl")
	if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "nothing.jsonl") {
		t.Errorf("no batch: %v", err)
	}
}

// An engine that is gone ends the run; when it is back, the next one goes on.
func TestEngineGone(t *testing.T) {
	e := fake.New(t, echo)
	dir := t.TempDir()
	var all []string
	for i := range 100 {
		all = append(all, say(fmt.Sprint(i), "x"))
	}
	o := Options{In: write(t, filepath.Join(dir, "in.jsonl"), all...), Out: filepath.Join(dir, "out.jsonl"), Client: client(t, "http://127.0.0.1:1"), Model: "m"}
	counts, err := Run(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "20 requests in a row got no answer, the last: endpoint http://127.0.0.1:1 does not answer") || counts.Asked > 40 {
		t.Errorf("%+v, %v", counts, err)
	}
	o.Client = client(t, e.URL)
	if counts, err = Run(t.Context(), o); err != nil || counts != (Counts{Total: 100, Asked: 100}) || len(resultsOf(t, o.Out)) != 100 {
		t.Errorf("%+v, %v", counts, err)
	}
}
