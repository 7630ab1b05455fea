package web

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pixtral-wgpu/remote"
	"pixtral-wgpu/remote/fake"
)

// Requests go on to an engine elsewhere and its answers come back; what needs
// our own engine says so.
func TestRelay(t *testing.T) {
	var asked string
	e := fake.New(t, func(_ int64, body string) (string, int) {
		asked = body
		if strings.Contains(body, "too much") {
			return "that is too much", http.StatusBadRequest
		}
		return "A red circle.", http.StatusOK
	})
	c, err := remote.New(remote.Options{BaseURL: e.URL})
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewRelay(t.Context(), c, Options{Version: "1.2"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s.Handler())
	defer s.Close()
	defer server.Close()
	do := func(method, path, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		res, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		got, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(got)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"GET", "/v1/models", "", 200, `"endpoint":"` + e.URL},
		{"GET", "/version", "", 200, "1.2"},
		{"GET", "/health", "", 200, ""},
		{"POST", "/v1/chat/completions", `{"messages": [{"role": "user", "content": "What?"}]}`, 200, "A red circle."},
		{"POST", "/v1/chat/completions", `{"model": "a-model", "stream": true, "messages": []}`, 200, "data: "},
		{"POST", "/v1/chat/completions", `{"messages": [{"role": "user", "content": "too much"}]}`, 400, "that is too much"},
		{"POST", "/v1/chat/completions", `[]`, 400, "not a JSON object"},
		{"POST", "/inspect", `{}`, 501, "engine_elsewhere"},
		{"GET", "/inspect/some/stats", "", 501, "engine_elsewhere"},
		{"POST", "/inspect/image", `{"image": "x"}`, 501, "engine_elsewhere"},
		{"GET", "/nothing", "", 404, "There is nothing"},
	} {
		status, got := do(c.method, c.path, c.body)
		if status != c.status || !strings.Contains(got, c.says) {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, status, got)
		}
	}
	if _, got := do("POST", "/v1/chat/completions", `{"seed": 12345678901234567, "messages": []}`); got == "" || !json.Valid([]byte(asked)) ||
		!strings.Contains(asked, `"model":"a-model"`) || !strings.Contains(asked, "12345678901234567") {
		t.Errorf("the engine was asked %s", asked)
	}
	server.CloseClientConnections()
}

// An engine that is gone is said to be.
func TestRelayToNobody(t *testing.T) {
	e := fake.New(t, fake.Says("x"))
	c, err := remote.New(remote.Options{BaseURL: e.URL, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewRelay(t.Context(), c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	gone, err := remote.New(remote.Options{BaseURL: "http://127.0.0.1:1", Model: "m", Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "http://127.0.0.1/v1/chat/completions", strings.NewReader(`{"messages": []}`))
	r.Header.Set("Content-Type", "application/json")
	s.relay(gone, remote.Card{Name: "m"}).ServeHTTP(w, r)
	if w.Code != http.StatusBadGateway || !strings.Contains(w.Body.String(), "does not answer") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
