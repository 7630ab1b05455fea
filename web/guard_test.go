package web

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"testing"
)

// Who may ask is told by keys, which no log and no answer repeats.
func TestKeys(t *testing.T) {
	keys, err := ReadKeys(strings.NewReader("# ours\n\nsecret-one-1\r\n  secret-two-2  \n"))
	check(t, err)
	var log bytes.Buffer
	c := serve(t, shared(t), Options{Keys: keys, Log: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	for _, r := range routes() {
		path, body := strings.ReplaceAll(strings.ReplaceAll(r.path, "{id...}", "pocket"), "{id}", "x"), ""
		if r.method == "POST" {
			body = "{}"
		}
		for header, value := range map[string]string{"X-None": "", "Authorization": "Bearer wrong-key-3", "X-Api-Key": "secret-one", "Cookie": "key=secret-one-1"} {
			c.header = map[string]string{header: value}
			if a := c.ask(r.method, path, body); (a.status == 401) == r.open || a.status == 401 && a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s %s with %s %s: %d", r.method, r.path, header, value, a.status)
			}
		}
	}
	for header, value := range map[string]string{"Authorization": "Bearer secret-one-1", "authorization": "bearer  secret-two-2", "X-Api-Key": "secret-two-2"} {
		c.header = map[string]string{header: value}
		c.get("GET", "/v1/models", "", 200, nil)
		c.chat(hello + `, "max_tokens": 1`)
	}
	c.header = map[string]string{"Authorization": "Bearer wrong-key-3"}
	if e := c.wrong("POST", "/v1/chat/completions", "{}", 401); e.Type != "authentication_error" || *e.Code != "invalid_api_key" {
		t.Errorf("%+v", e)
	}
	_, uri := picture(t, circle)
	c.header = map[string]string{"Authorization": "Bearer secret-one-1"}
	c.chat(about(uri, "Something private?") + `, "max_tokens": 1`)
	c.ask("POST", "/v1/chat/completions", shown(uri[:1000]))
	c.ask("POST", "/v1/chat/completions", shown("http://user:secret-one-1@host/"))
	c.http.Close() // all is logged then
	for _, secret := range []string{"secret-one", "secret-two", "wrong-key", uri[30:60], "private"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log has %s", secret)
		}
	}
	if !strings.Contains(log.String(), `"prompt_tokens"`) || !strings.Contains(log.String(), `"status":401`) {
		t.Errorf("the log says nothing: %.300s", log.String())
	}
	for text, want := range map[string]string{"": "no key", "# none\n": "no key", "short": "too easy", "two words": "spaces"} {
		if _, err := ReadKeys(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("keys %q: %v", text, err)
		}
	}
}

// A name that an attacker owns may lead to this machine; a page of an attacker's
// may ask it. Neither gets an answer.
func TestHostsAndOrigins(t *testing.T) {
	c := serve(t, shared(t), Options{AllowHosts: []string{"gpu.example.com"}, AllowOrigins: []string{"https://chat.example.com"}})
	for host, want := range map[string]int{
		"": 200, "localhost": 200, "localhost:8080": 200, "LOCALHOST": 200, "x.localhost": 200, "127.0.0.1": 200, "[::1]:80": 200, "10.1.2.3": 200, "gpu.example.com": 200, "GPU.example.com.:8080": 200,
		"evil.example": 403, "evil.example:8080": 403, "gpu.example.com.evil.example": 403, "localhost.evil.example": 403, "127.0.0.1.nip.io": 403, "notlocalhost": 403, "2130706433": 403,
	} {
		c.header = map[string]string{"Host": host}
		if a := c.ask("GET", "/v1/models", ""); a.status != want {
			t.Errorf("Host %s: %d, want %d", host, a.status, want)
		}
	}
	own := strings.TrimPrefix(c.http.URL, "http://")
	for origin, want := range map[string]int{"https://chat.example.com": 200, "http://" + own: 200, "https://evil.example": 403, "null": 403, "http://chat.example.com": 403, "https://chat.example.com.evil.example": 403, "file://": 403, "http://localhost:1": 403} {
		c.header = map[string]string{"Origin": origin}
		a := c.ask("POST", "/tokenize", `{"prompt": "x"}`)
		allowed := a.header.Get("Access-Control-Allow-Origin")
		if a.status != want || (allowed == origin) != (origin == "https://chat.example.com") || allowed == "*" || a.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("Origin %s: %d, want %d; %q", origin, a.status, want, allowed)
		}
	}
	c.header = map[string]string{"Origin": "https://chat.example.com", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
	if a := c.ask("OPTIONS", "/v1/chat/completions", ""); a.status != 204 || !strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "Authorization") || !strings.Contains(a.header.Get("Access-Control-Allow-Methods"), "POST") {
		t.Errorf("preflight: %d %v", a.status, a.header)
	}
	c.header["Origin"] = "https://evil.example"
	if a := c.ask("OPTIONS", "/v1/chat/completions", ""); a.status != 403 || a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("preflight of another: %d %v", a.status, a.header)
	}
	// A form of another page can post without asking first, but not as JSON.
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json"} {
		c.header = map[string]string{"Content-Type": kind}
		if a := c.ask("POST", "/v1/chat/completions", "{"+hello+"}"); a.status != 415 {
			t.Errorf("Content-Type %q: %d", kind, a.status)
		}
	}
	c.header = map[string]string{"Content-Type": "application/json; charset=utf-8"}
	c.chat(hello + `, "max_tokens": 1`)
	c.header = map[string]string{"Content-Encoding": "gzip"}
	c.wrong("POST", "/v1/chat/completions", "\x1f\x8b", 415)
}

// A body has a bound, whether its length is told or not.
func TestBodyLimit(t *testing.T) {
	c := serve(t, shared(t), Options{MaxBodyBytes: 1 << 10})
	long := "{" + hello + `, "user": "` + strings.Repeat("x", 1<<10) + `"}`
	if e := c.wrong("POST", "/v1/chat/completions", long, 413); *e.Code != "body_too_large" {
		t.Errorf("%+v", e)
	}
	r := c.request("POST", "/v1/chat/completions", "")
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(long)), -1
	r.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Client().Do(r)
	check(t, err)
	resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("chunked: %s", resp.Status)
	}
	c.chat(hello + `, "max_tokens": 1`)
}
