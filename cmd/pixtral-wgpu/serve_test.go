package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A served is a program that serves, and what it has said.
type served struct {
	base string
	end  func() result // tells it to stop, and waits

	mu   sync.Mutex
	said bytes.Buffer
}

func (s *served) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.Write(p)
}

func (s *served) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.String()
}

var address = regexp.MustCompile(`(http://\S+)/v1 `)

// startServe runs serve on a free port until the test ends.
func startServe(t *testing.T, args ...string) *served {
	t.Helper()
	s := &served{}
	ctx, stop := context.WithCancel(t.Context())
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"serve", "--port", "0"}, args...), strings.NewReader(""), io.Discard, s)
	}()
	s.end = sync.OnceValue(func() result {
		stop()
		return result{<-code, "", s.text()}
	})
	t.Cleanup(func() { s.end() })
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if found := address.FindStringSubmatch(s.text()); found != nil {
			s.base = found[1]
			return s
		}
		select {
		case c := <-code:
			code <- c
			t.Fatalf("it ended with %d: %s", c, s.text())
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("it does not say where it is: %s", s.text())
		}
	}
}

// ask posts JSON and returns the status and the body.
func (s *served) ask(t *testing.T, path, body string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequest("POST", s.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

const hi = `{"temperature": 0, "max_tokens": 4, "messages": [{"role": "user", "content": "Hi"}]}`

// serve answers, obeys its flags, logs a line a request, and ends cleanly.
func TestServe(t *testing.T) {
	keys := file(t, "keys.txt", "first-key-1\n# a note\nsecond-key-2\n")
	dir, err := filepath.Abs(examples)
	if err != nil {
		t.Fatal(err)
	}
	s := startServe(t, "--api-keys", keys, "--alias", "mine", "--ctx", "300", "--kv-tokens", "600", "--slots", "2", "--max-images", "1", "--media-dir", dir,
		"--allow-host", "gpu.example.com", "--allow-origin", "https://chat.example.com", "--max-body", "100KB", "--log", "json")
	if !strings.Contains(s.text(), "2 requests at once with up to 300 tokens each") || !strings.Contains(s.text(), "page  "+s.base+"\n") {
		t.Errorf("it says %s", s.text())
	}
	key := []string{"Authorization", "Bearer second-key-2"}
	if code, text := s.ask(t, "/v1/chat/completions", hi); code != 401 {
		t.Errorf("without a key: %d %s", code, text)
	}
	image := func(n int) string {
		return `{"temperature": 0, "model": "mine", "messages": [{"role": "user", "content": [` + strings.Repeat(`{"type": "image_url", "image_url": "file://`+dir+`/red-circle.png"},`, n) + `{"type": "text", "text": "What is this?"}]}]}`
	}
	var answer struct {
		Model   string
		Choices []struct{ Message struct{ Content string } }
	}
	code, text := s.ask(t, "/v1/chat/completions", image(1), key...)
	if err := json.Unmarshal([]byte(text), &answer); code != 200 || err != nil || answer.Model != "mine" || !strings.Contains(answer.Choices[0].Message.Content, "red circle") {
		t.Errorf("%d %s", code, text)
	}
	for name, c := range map[string]struct {
		code   int
		body   string
		header []string
	}{
		"two images": {400, image(2), nil}, "long": {413, `{"user": "` + strings.Repeat("x", 100_000) + `"}`, nil}, "context": {400, strings.Replace(hi, "Hi", strings.Repeat("word ", 400), 1), nil},
		"origin": {200, hi, []string{"Origin", "https://chat.example.com"}}, "another origin": {403, hi, []string{"Origin", "https://evil.example"}},
	} {
		if code, text := s.ask(t, "/v1/chat/completions", c.body, append(c.header, key...)...); code != c.code {
			t.Errorf("%s: %d %.200s", name, code, text)
		}
	}
	resp, err := http.Get(s.base + "/")
	if err != nil {
		t.Fatal(err)
	}
	page, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 200 || !strings.Contains(string(page), "<html") {
		t.Errorf("the page: %s", resp.Status)
	}
	if r := s.end(); r.code != done || strings.Contains(r.err, "key-2") || !strings.Contains(r.err, `"path":"/v1/chat/completions","status":200`) || !strings.Contains(r.err, `"msg":"stopping"`) {
		t.Errorf("the end: %d %s", r.code, r.err)
	}
	if _, err := http.Get(s.base + "/health"); err == nil {
		t.Error("it still answers")
	}
}

// A SIGTERM lets the answer under way finish, and the program ends with 0; a
// second one ends it at once.
func TestServeSignals(t *testing.T) {
	if os.Getenv("PIXTRAL_SERVE") != "" { // the program itself
		os.Args = []string{"pixtral-wgpu", "serve", "--port", "0", "--log", "off"}
		main()
	}
	for _, patient := range []bool{true, false} {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestServeSignals$")
		cmd.Env = append(os.Environ(), "PIXTRAL_SERVE=1")
		s := &served{}
		cmd.Stderr = s
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer cmd.Process.Kill()
		for end := time.Now().Add(time.Minute); s.base == ""; time.Sleep(5 * time.Millisecond) {
			if found := address.FindStringSubmatch(s.text()); found != nil {
				s.base = found[1]
			} else if time.Now().After(end) {
				t.Fatalf("it does not start: %s", s.text())
			}
		}
		most := 100
		if !patient {
			most = 8000
		}
		resp, err := http.Post(s.base+"/v1/chat/completions", "application/json", strings.NewReader(fmt.Sprintf(`{"stream": true, "ignore_eos": true, "max_tokens": %d, "messages": [{"role": "user", "content": "Hi"}]}`, most)))
		if err != nil {
			t.Fatal(err)
		}
		cmd.Process.Signal(syscall.SIGTERM)
		if !patient {
			for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) { // until it takes no more
				if conn, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://")); err != nil {
					break
				} else if conn.Close(); time.Now().After(end) {
					t.Fatal("it does not stop listening")
				}
			}
			cmd.Process.Signal(syscall.SIGTERM)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		err = cmd.Wait()
		if whole := strings.Contains(string(text), "[DONE]"); whole != patient || (err == nil) != patient {
			t.Errorf("patient %t: the answer is whole: %t; %v, %s", patient, whole, err, s.text())
		}
	}
}

// A server that cannot be as it was asked to says why, before a model is loaded.
func TestServeMistakes(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	short := file(t, "keys.txt", "short\n")
	for _, c := range []struct {
		args string // parted by |
		code int
		want string
	}{
		{"--port|" + port, failed, "port " + port + " is in use on 127.0.0.1, perhaps by another pixtral-wgpu serve; use --port "},
		{"--host|192.0.2.1|--port|0", failed, "--host 192.0.2.1: this machine has no such address"},
		{"--host|no such host|--port|0", failed, "--host no such host"},
		{"--port|65536", misused, "--port 65536: it may be 0 to 65535"},
		{"--port|http", misused, "--port"},
		{"--slots|0", misused, "--slots 0: it may be 1 to 256"},
		{"--queue|-1", misused, "--queue -1: it may be 1 to"},
		{"--max-images|0", misused, "--max-images 0"},
		{"--max-megapixels|0", misused, "--max-megapixels 0"},
		{"--max-body|much", misused, "it is a number and a unit"},
		{"--timeout|-1s", misused, "--timeout -1s: it must be longer than nothing"},
		{"--body-timeout|0s", misused, "--body-timeout 0s"},
		{"--kv-tokens|10", misused, "--kv-tokens 10: one request alone may take the 8192 of --ctx"},
		{"--temperature|-1", misused, "a temperature of -1"},
		{"--api-keys|nowhere", failed, "--api-keys nowhere: no such file"},
		{"--api-keys|" + short, failed, "line 1: a key of 5 characters is too easy to guess"},
		{"--api-keys|" + os.DevNull, failed, "there is no key in it"},
		{"--media-dir|nowhere", failed, "--media-dir nowhere: no such file"},
		{"--media-dir|" + short, failed, "it is not a directory"},
		{"--log|loud", misused, "it may be text, json or off"},
		{"pocket", misused, `serve takes no arguments, but got "pocket"`},
		{"-m|nowhere|--port|0", failed, "nowhere"},
	} {
		r := px(t, "", append([]string{"serve"}, strings.Split(c.args, "|")...)...)
		if r.code != c.code || !strings.Contains(r.err, c.want) || r.out != "" {
			t.Errorf("serve %s: %d %s; want %d, %s", c.args, r.code, r.err, c.code, c.want)
		}
	}
}
