package remote

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// serve answers chat completions with f, and lists two models.
func serve(t *testing.T, o Options, f http.HandlerFunc) *Client {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"data":[{"id":"a"},{"id":"b"}]}`) })
	mux.HandleFunc("POST /v1/chat/completions", f)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	o.BaseURL = s.URL + o.BaseURL
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var question = Request{Messages: []Message{
	{Role: "system", Parts: []Part{Text("Be brief.")}},
	{Role: "user", Parts: []Part{Image([]byte("\x89PNG\r\n\x1a\n...")), Text("What is it?")}},
}}

func TestChat(t *testing.T) {
	var got map[string]any
	c := serve(t, Options{BaseURL: "/v1/", Model: "a", APIKey: "secret"}, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("the key is %q", r.Header.Get("Authorization"))
		}
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		if got["stream"] != true {
			fmt.Fprint(w, `{"choices":[{"message":{"content":"A cat."},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}`)
			return
		}
		for _, piece := range []string{`{"choices":[{"delta":{"role":"assistant","content":""}}]}`, `{"choices":[{"delta":{"content":"A c"}}]}`,
			`{"choices":[{"delta":{"content":"at."},"finish_reason":"length"}]}`, `{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}`, "[DONE]"} {
			fmt.Fprintf(w, "data: %s\n\n", piece)
		}
	})
	reply, err := c.Chat(t.Context(), question, nil)
	if err != nil || reply.Text != "A cat." || reply.FinishReason != "stop" || reply.Usage != (Usage{3, 2}) {
		t.Errorf("%+v, %v", reply, err)
	}
	sent, _ := json.Marshal(got)
	want := `{"messages":[{"content":"Be brief.","role":"system"},{"content":[{"image_url":{"url":"data:image/png;base64,iVBORw0KGgouLi4="},"type":"image_url"},{"text":"What is it?","type":"text"}],"role":"user"}],"model":"a"}`
	if string(sent) != want {
		t.Errorf("sent %s\nwant %s", sent, want)
	}
	text := ""
	reply, err = c.Chat(t.Context(), question, func(piece string) error { text += piece; return nil })
	if err != nil || text != "A cat." || reply.Text != text || reply.FinishReason != "length" || reply.Usage != (Usage{3, 2}) || reply.FirstToken == 0 {
		t.Errorf("%+v, %q, %v", reply, text, err)
	}
	stop := errors.New("enough")
	if reply, err = c.Chat(t.Context(), question, func(string) error { return stop }); err != stop || reply.Text != "A c" {
		t.Errorf("%+v, %v", reply, err)
	}
}

func TestErrors(t *testing.T) {
	if _, err := New(Options{BaseURL: "localhost:8000"}); err == nil || !strings.Contains(err.Error(), "http://localhost:8000") {
		t.Errorf("without a scheme: %v", err)
	}
	if _, err := serve(t, Options{}, http.NotFound).Model(t.Context()); err == nil || !strings.Contains(err.Error(), "say which: a, b") {
		t.Errorf("two models: %v", err)
	}
	gone, err := New(Options{BaseURL: "http://127.0.0.1:1", Retries: -1, Model: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gone.Chat(t.Context(), question, nil); err == nil || !strings.Contains(err.Error(), "http://127.0.0.1:1 does not answer") {
		t.Errorf("nobody there: %v", err)
	}
	for _, c := range []struct{ body, want string }{
		{`{"error":{"message":"too long"}}`, "400 Bad Request: too long"},
		{`{"error":"too long"}`, "400 Bad Request: too long"},
		{`{"object":"error","message":"too long"}`, "400 Bad Request: too long"},
		{`{"detail":[{"msg":"too long"}]}`, "too long"},
		{`<html>` + strings.Repeat("x", 1000), "…"},
		{``, "no cause given"},
	} {
		client := serve(t, Options{Model: "a", Retries: -1}, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, c.body)
		})
		var refused *Error
		if _, err := client.Chat(t.Context(), question, nil); !errors.As(err, &refused) || refused.Status != 400 || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.body, err)
		}
	}
	for _, c := range []struct{ stream, want string }{
		{"data: {\"choices\":[{\"delta\":{\"content\":\"A\"}}]}\n\n", "broke off"},
		{"data: {\"error\":{\"message\":\"out of memory\"}}\n\n", "out of memory"},
		{"data: nonsense\n\n", "not JSON"},
	} {
		client := serve(t, Options{Model: "a", Retries: -1}, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, c.stream) })
		if _, err := client.Chat(t.Context(), question, func(string) error { return nil }); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.stream, err)
		}
	}
}

// An engine that is busy is asked again.
func TestRetries(t *testing.T) {
	asked := 0
	c := serve(t, Options{Model: "a"}, func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked == 1 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		if body, err := io.ReadAll(r.Body); err != nil || len(body) == 0 {
			t.Errorf("the second try has no body: %v", err)
		}
		fmt.Fprint(w, `{"choices":[{"message":{"content":"yes"},"finish_reason":"stop"}]}`)
	})
	if reply, err := c.Chat(t.Context(), question, nil); err != nil || reply.Text != "yes" || asked != 2 {
		t.Errorf("%+v, %v after %d", reply, err, asked)
	}
}
