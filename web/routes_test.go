package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"pixtral-wgpu/tokenizer"
)

// Texts are gone on with: one or many, as text or as tokens, whole or streamed.
func TestCompletions(t *testing.T) {
	c := serve(t, shared(t), Options{})
	complete := func(fields string) (out completion) {
		t.Helper()
		c.get("POST", "/v1/completions", `{"temperature": 0, `+fields+`}`, 200, &out)
		return out
	}
	one := complete(`"prompt": "A red", "max_tokens": 5, "model": "pocket"`)
	text := one.Choices[0].Text
	if one.Object != "text_completion" || !strings.HasPrefix(one.ID, "cmpl-") || len(one.Choices) != 1 || text == "" || one.Usage.CompletionTokens == 0 || one.Choices[0].LogProbs != nil {
		t.Errorf("%+v", one)
	}
	if got := complete(`"prompt": "A red"`); got.Usage.CompletionTokens > 16 {
		t.Errorf("without a bound: %+v", got.Usage)
	}
	if got := complete(`"prompt": "A red", "max_tokens": 5, "echo": true`); got.Choices[0].Text != "A red"+text {
		t.Errorf("echo: %q", got.Choices[0].Text)
	}
	var tokens tokenized
	c.get("POST", "/tokenize", `{"prompt": "A red"}`, 200, &tokens)
	list, _ := json.Marshal(tokens.Tokens)
	if got := complete(`"max_tokens": 5, "prompt": ` + string(list)); got.Choices[0].Text != text {
		t.Errorf("as tokens: %q, want %q", got.Choices[0].Text, text)
	}
	many := complete(`"max_tokens": 5, "n": 2, "prompt": ["A red", "One"]`)
	if len(many.Choices) != 4 || many.Choices[0].Text != text || many.Choices[1].Text != text || many.Choices[3].Index != 3 {
		t.Errorf("%+v", many.Choices)
	}
	if got := complete(fmt.Sprintf(`"max_tokens": 5, "prompt": [%s, %s]`, list, list)); len(got.Choices) != 2 || got.Choices[1].Text != text {
		t.Errorf("as lists of tokens: %+v", got.Choices)
	}
	probs := complete(`"prompt": "A red", "max_tokens": 5, "logprobs": 2`).Choices[0].LogProbs
	if strings.Join(probs.Tokens, "") != text || len(probs.Top[0]) != 2 || probs.Offset[0] != 0 || probs.Offset[1] != len(probs.Tokens[0]) || probs.LogProbs[0] > 0 {
		t.Errorf("%+v", probs)
	}
	resp, err := c.http.Client().Do(c.request("POST", "/v1/completions", `{"temperature": 0, "prompt": ["A red", "One"], "max_tokens": 5, "stream": true, "stream_options": {"include_usage": true}}`))
	check(t, err)
	defer resp.Body.Close()
	all, done := events(t, resp.Body)
	streamed, ends := "", 0
	var last completion
	for _, event := range all {
		last = completion{}
		check(t, json.Unmarshal([]byte(event), &last))
		for _, choice := range last.Choices {
			if choice.Index == 0 {
				streamed += choice.Text
			}
			if choice.FinishReason != nil {
				ends++
			}
		}
	}
	if !done || streamed != text || ends != 2 || last.Usage == nil || last.Usage.CompletionTokens != complete(`"max_tokens": 5, "prompt": ["A red", "One"]`).Usage.CompletionTokens {
		t.Errorf("streamed %q, %d ends, %+v", streamed, ends, last.Usage)
	}
}

// Tokens go out and come back.
func TestTokenize(t *testing.T) {
	c := serve(t, shared(t), Options{})
	var plain, begun, chat tokenized
	var text detokenized
	c.get("POST", "/tokenize", `{"prompt": "A red circle, ünïcode 🙂", "add_special_tokens": false}`, 200, &plain)
	c.get("POST", "/tokenize", `{"prompt": "A red circle, ünïcode 🙂"}`, 200, &begun)
	if begun.Count != plain.Count+1 || plain.Count != len(plain.Tokens) || plain.MaxModelLen != 1024 || plain.TokenStrs != nil {
		t.Errorf("%+v, %+v", plain, begun)
	}
	list, _ := json.Marshal(plain.Tokens)
	c.get("POST", "/detokenize", `{"tokens": `+string(list)+`}`, 200, &text)
	if text.Prompt != "A red circle, ünïcode 🙂" {
		t.Errorf("%q", text.Prompt)
	}
	_, uri := picture(t, circle)
	c.get("POST", "/tokenize", "{"+about(uri, "What?")+`, "return_token_strs": true}`, 200, &chat)
	if len(chat.Images) != 1 || chat.Images[0] != (imageTokens{128, 96, 8, 6, 54}) || len(chat.TokenStrs) != chat.Count || chat.TokenStrs[0] != "<s>" || !slices.Contains(chat.TokenStrs, "[IMG_END]") {
		t.Errorf("%+v", chat)
	}
	if got := c.chat(about(uri, "What?") + `, "max_tokens": 1`); got.Usage.PromptTokens != chat.Count {
		t.Errorf("counted %d, then %d", chat.Count, got.Usage.PromptTokens)
	}
	c.get("POST", "/tokenize", `{"prompt": ""}`, 200, &plain)
	c.get("POST", "/detokenize", `{"tokens": []}`, 200, &text)
	if text.Prompt != "" || plain.Count != 1 || plain.Tokens[0] != tokenizer.Token(1) {
		t.Errorf("nothing: %+v, %q", plain, text.Prompt)
	}
}

// What there is to know without asking the model.
func TestFacts(t *testing.T) {
	c := serve(t, shared(t), Options{Version: "v9", Aliases: []string{"pixtral", "mistralai/Pixtral"}})
	var list modelList
	c.get("GET", "/v1/models", "", 200, &list)
	c.get("GET", "/v1/models/", "", 200, &list)
	if list.Object != "list" || len(list.Data) != 3 || list.Data[0].ID != "pocket" || !list.Data[0].Capabilities.Vision || list.Data[0].MaxModelLen != 1024 || list.Data[2].Root != "pocket" {
		t.Errorf("%+v", list)
	}
	var card modelCard
	c.get("GET", "/v1/models/mistralai/Pixtral", "", 200, &card)
	c.get("GET", "/v1/models/mistralai%2FPixtral", "", 200, &card)
	if card.ID != "mistralai/Pixtral" || card.Object != "model" {
		t.Errorf("%+v", card)
	}
	if got := c.chat(hello + `, "max_tokens": 1, "model": "pixtral"`); got.Model != "pixtral" {
		t.Errorf("asked as pixtral, answered as %s", got.Model)
	}
	if e := c.wrong("GET", "/v1/models/gpt-4", "", 404); e.Code == nil || *e.Code != "model_not_found" {
		t.Errorf("%+v", e)
	}
	if e := c.wrong("POST", "/v1/embeddings", `{"input": "x", "model": "pocket"}`, 501); !strings.Contains(e.Message, "embedding") {
		t.Errorf("%+v", e)
	}
	if a := c.get("GET", "/health", "", 200, nil); a.body != "" {
		t.Errorf("health has a body: %q", a.body)
	}
	var v versionInfo
	if c.get("GET", "/version", "", 200, &v); v.Version != "v9" {
		t.Errorf("%+v", v)
	}
	for path, allow := range map[string]string{"/v1/chat/completions": "POST", "/v1/models": "GET", "/v1/models/pocket": "GET", "/health": "GET", "/inspect/x": "DELETE, GET"} {
		if a := c.ask("PUT", path, "{}"); a.status != 405 || a.header.Get("Allow") != allow {
			t.Errorf("PUT %s: %d, %q", path, a.status, a.header.Get("Allow"))
		}
	}
	for _, path := range []string{"/nothing", "/v1/", "/v1/chat", "/../etc/passwd", "/v1/audio/speech"} {
		if a := c.ask("GET", path, ""); a.status != 404 && a.status != 301 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}

// The description that is served has exactly the routes that answer.
func TestDescriptionServed(t *testing.T) {
	c := serve(t, shared(t), Options{})
	var d struct {
		OpenAPI string
		Paths   map[string]map[string]any
	}
	c.get("GET", "/openapi.json", "", 200, &d)
	described := 0
	for path, methods := range d.Paths {
		for method := range methods {
			described++
			body := ""
			if method == "post" {
				body = "{}"
			}
			a := c.ask(strings.ToUpper(method), strings.ReplaceAll(path, "{id}", "pocket"), body)
			if a.status == 405 || a.status == 404 && !strings.HasPrefix(path, "/inspect/{id}") {
				t.Errorf("%s %s: %d %s", method, path, a.status, a.body)
			}
		}
	}
	if described != len(routes()) || !strings.HasPrefix(d.OpenAPI, "3.1") {
		t.Errorf("%d routes described of %d", described, len(routes()))
	}
	for _, path := range []string{"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/models", "/v1/models/{id}", "/tokenize", "/detokenize", "/health", "/metrics", "/version", "/openapi.json", "/inspect"} {
		if d.Paths[path] == nil {
			t.Errorf("%s is missing", path)
		}
	}
}

// Prometheus is told what happened.
func TestMetrics(t *testing.T) {
	c := serve(t, shared(t), Options{})
	value := func(name string) (v float64) {
		t.Helper()
		a := c.get("GET", "/metrics", "", 200, nil)
		m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindStringSubmatch(a.body)
		if m == nil {
			t.Fatalf("no %s", name)
		}
		fmt.Sscan(m[1], &v)
		return v
	}
	_, uri := picture(t, star)
	counted := []string{"pixtral_requests_finished_total", "pixtral_prompt_tokens_total", "pixtral_completion_tokens_total", "pixtral_first_token_seconds_count", "pixtral_inter_token_seconds_count"}
	before := map[string]float64{}
	for _, name := range counted {
		before[name] = value(name)
	}
	images := value("pixtral_images_encoded_total") + value("pixtral_images_cached_total")
	got := c.chat(about(uri, "What is this?"))
	c.ask("POST", "/v1/chat/completions", "{")
	c.ask("GET", "/some/where/"+strings.Repeat("x", 100), "")
	for name, want := range map[string]float64{counted[0]: 1, counted[1]: float64(got.Usage.PromptTokens), counted[2]: float64(got.Usage.CompletionTokens), counted[3]: 1} {
		if grown := value(name) - before[name]; grown != want && !(name == counted[2] && grown == want-1) {
			t.Errorf("%s has grown by %g, want %g", name, grown, want)
		}
	}
	if value(counted[4]) <= before[counted[4]] || value("pixtral_images_encoded_total")+value("pixtral_images_cached_total") != images+1 {
		t.Error("tokens or images are not counted")
	}
	for name, want := range map[string]float64{
		`pixtral_http_requests_total{path="/v1/chat/completions",status="200"}`: 1, `pixtral_http_requests_total{path="/v1/chat/completions",status="400"}`: 1, `pixtral_http_requests_total{path="other",status="404"}`: 1,
		`pixtral_answers_total{reason="stop"}`: 1, "pixtral_answer_seconds_count": 1, "pixtral_up": 1, "pixtral_kv_tokens": 8192, "pixtral_requests_running": 0, "pixtral_requests_waiting": 0, "pixtral_kv_tokens_used": 0,
		"pixtral_device_restarts_total": 0, `pixtral_info{model="pocket",version=""}`: 1,
	} {
		if v := value(name); v != want {
			t.Errorf("%s is %g, want %g", name, v, want)
		}
	}
	for _, name := range []string{"pixtral_requests_refused_total", "pixtral_requests_failed_total", "pixtral_requests_cancelled_total", "pixtral_requests_paused_total", "pixtral_prompt_tokens_cached_total", "process_resident_memory_bytes", "go_goroutines"} {
		value(name)
	}
}

// The page is served with what keeps others out of it; nothing else is.
func TestPage(t *testing.T) {
	c := serve(t, shared(t), Options{Page: fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}, "app.js": {Data: []byte("1")}, "a/b.css": {Data: []byte("2")}}})
	for path, kind := range map[string]string{"/": "text/html", "/app.js": "text/javascript", "/a/b.css": "text/css", "/index.html": "text/html"} {
		a := c.get("GET", path, "", 200, nil)
		if !strings.HasPrefix(a.header.Get("Content-Type"), kind) || !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'self'") || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, a.header)
		}
	}
	for _, path := range []string{"/a", "/a/", "/../app.js", "/%2e%2e/app.js", "/none.js"} {
		if a := c.ask("GET", path, ""); a.status == 200 && path != "/../app.js" && path != "/%2e%2e/app.js" {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	if a := c.ask("POST", "/", "{}"); a.status != 404 {
		t.Errorf("POST /: %d", a.status)
	}
	if a := c.ask(http.MethodHead, "/", ""); a.status != 200 || a.body != "" {
		t.Errorf("HEAD /: %d %q", a.status, a.body)
	}
}
