// Package fake is an engine for tests: it answers chat completions with what a
// function says, whole or streamed word by word.
package fake

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// An Engine is a running server with one model, "a-model".
type Engine struct {
	URL   string
	Asked atomic.Int64  // requests so far
	Pause time.Duration // before each word of a stream
}

// Answer makes the n-th answer, of n from 1 on, to the body of a request. A
// status other than 200 makes the text an error.
type Answer func(n int64, body string) (text string, status int)

// Says always answers the same.
func Says(text string) Answer {
	return func(int64, string) (string, int) { return text, http.StatusOK }
}

// New starts an engine that ends with the test.
func New(t *testing.T, answer Answer) *Engine {
	t.Helper()
	e := &Engine{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"data":[{"id":"a-model"}]}`) })
	mux.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var request struct{ Stream bool }
		if err == nil {
			err = json.Unmarshal(body, &request)
		}
		if err != nil {
			t.Errorf("a request that is no JSON: %v", err)
		}
		text, status := answer(e.Asked.Add(1), string(body))
		if status != http.StatusOK {
			w.WriteHeader(status)
			write(w, map[string]any{"error": map[string]any{"message": text}})
			return
		}
		usage := map[string]any{"prompt_tokens": 7, "completion_tokens": len(strings.Fields(text))}
		if !request.Stream {
			write(w, map[string]any{"usage": usage, "choices": []any{map[string]any{
				"message": map[string]any{"role": "assistant", "content": text}, "finish_reason": "stop"}}})
			return
		}
		e.stream(w, r, text, usage)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	e.URL = server.URL
	return e
}

func (e *Engine) stream(w http.ResponseWriter, r *http.Request, text string, usage map[string]any) {
	w.Header().Set("Content-Type", "text/event-stream")
	event := func(v map[string]any) {
		io.WriteString(w, "data: ")
		write(w, v)
		io.WriteString(w, "\n\n")
		w.(http.Flusher).Flush()
	}
	for _, word := range strings.SplitAfter(text, " ") {
		select {
		case <-r.Context().Done():
			return
		case <-time.After(e.Pause):
		}
		event(map[string]any{"choices": []any{map[string]any{"delta": map[string]any{"content": word}}}})
	}
	event(map[string]any{"choices": []any{map[string]any{"delta": map[string]any{}, "finish_reason": "stop"}}})
	event(map[string]any{"choices": []any{}, "usage": usage})
	io.WriteString(w, "data: [DONE]\n\n")
}

func write(w io.Writer, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts and numbers can always be written
	}
	w.Write(data)
}
