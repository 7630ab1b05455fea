package web

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"pixtral-wgpu/engine"
	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pocket"
)

// The embedded model on an engine that the tests of this package share.
var (
	worldEngine *engine.Engine
	worldCloses []func()
	worldOnce   sync.Once
)

func TestMain(m *testing.M) {
	code := m.Run()
	for i := len(worldCloses) - 1; i >= 0; i-- {
		worldCloses[i]()
	}
	os.Exit(code)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// openPocket opens a device and the embedded model on it, and returns what
// closes both.
func openPocket(t testing.TB) (*model.Pixtral, func()) {
	t.Helper()
	p, closeAll, err := loadPocket(t.Context())
	check(t, err)
	return p, closeAll
}

func loadPocket(ctx context.Context) (*model.Pixtral, func(), error) {
	d, err := gpu.Open(gpu.Options{})
	if err != nil {
		return nil, nil, err
	}
	c, err := model.ParseCheckpoint("pocket", pocket.Params, pocket.Weights, pocket.Tekken)
	if err != nil {
		return nil, nil, err
	}
	p, err := model.Load(ctx, d, c, model.LoadOptions{})
	return p, func() { p.Close(); d.Close() }, err
}

// shared returns the engine that the tests share; closing it does nothing.
func shared(t testing.TB) Engine {
	t.Helper()
	worldOnce.Do(func() {
		p, closeModel := openPocket(t)
		worldCloses = append(worldCloses, closeModel)
		e, err := engine.New(p, engine.Options{Context: 1024, Slots: 8, Queue: 64, Tokens: 8192})
		check(t, err)
		worldEngine = e
		worldCloses = append(worldCloses, func() { e.Close() })
	})
	if worldEngine == nil {
		t.Fatal("the shared engine did not start")
	}
	return kept{worldEngine}
}

type kept struct{ *engine.Engine }

func (kept) Close() error { return nil }

// A client asks a server of these tests.
type client struct {
	t      testing.TB
	server *Server
	http   *httptest.Server
	header map[string]string // sent along
}

// serve starts a server on an engine.
func serve(t testing.TB, e Engine, o Options) *client {
	t.Helper()
	if o.Context == 0 {
		o.Context = 1024
	}
	s, err := New(e, o)
	check(t, err)
	t.Cleanup(func() { s.Close() })
	return &client{t, s, newHTTP(t, s), map[string]string{}}
}

func newHTTP(t testing.TB, s *Server) *httptest.Server {
	h := httptest.NewServer(s.Handler())
	t.Cleanup(func() { h.CloseClientConnections(); h.Close() })
	return h
}

// An answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (c *client) request(method, path, body string) *http.Request {
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.http.URL+path, strings.NewReader(body))
	check(c.t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range c.header {
		r.Header.Set(name, value)
		if name == "Host" {
			r.Host = value
		}
	}
	return r
}

func (c *client) ask(method, path, body string) answer {
	c.t.Helper()
	resp, err := c.http.Client().Do(c.request(method, path, body))
	check(c.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	check(c.t, err)
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// get wants a status and reads the answer into a value, if there is one.
func (c *client) get(method, path, body string, status int, into any) answer {
	c.t.Helper()
	a := c.ask(method, path, body)
	if a.status != status {
		c.t.Fatalf("%s %s %s: %d, want %d: %.300s", method, path, shorten(body), a.status, status, a.body)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(a.body), into); err != nil {
			c.t.Fatalf("%s %s: %v in %.300s", method, path, err, a.body)
		}
	}
	return a
}

// chat asks with the fields of a body, the braces left out.
func (c *client) chat(fields string) (out chatCompletion) {
	c.t.Helper()
	c.get("POST", "/v1/chat/completions", "{"+fields+"}", 200, &out)
	return out
}

// wrong wants an error of a status and returns it.
func (c *client) wrong(method, path, body string, status int) wireErrorBody {
	c.t.Helper()
	a := c.ask(method, path, body)
	if a.status != status {
		c.t.Fatalf("%s %s %s: %d, want %d: %.300s", method, path, shorten(body), a.status, status, a.body)
	}
	e, err := a.asError()
	if err != nil {
		c.t.Fatalf("%s %s %s: %v", method, path, shorten(body), err)
	}
	return e
}

// asError reads an error in OpenAI's shape: all four of its fields must be there.
func (a answer) asError() (wireErrorBody, error) {
	var raw struct{ Error map[string]any }
	var e wireError
	switch {
	case a.header.Get("Content-Type") != "application/json":
		return e.Error, fmt.Errorf("%d is %s", a.status, a.header.Get("Content-Type"))
	case json.Unmarshal([]byte(a.body), &e) != nil || json.Unmarshal([]byte(a.body), &raw) != nil:
		return e.Error, fmt.Errorf("%d is no error: %.200s", a.status, a.body)
	case e.Error.Message == "" || e.Error.Type == "" || len(raw.Error) != 4:
		return e.Error, fmt.Errorf("%d does not say what is wrong: %.200s", a.status, a.body)
	case len(e.Error.Message) > 700:
		return e.Error, fmt.Errorf("%d says too much: %d bytes", a.status, len(e.Error.Message))
	}
	return e.Error, nil
}

// events reads a stream of server-sent events until its end; done reports
// whether it ended with [DONE].
func events(t testing.TB, r io.Reader) (list []string, done bool) {
	t.Helper()
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		switch data, ok := strings.CutPrefix(lines.Text(), "data: "); {
		case done && lines.Text() != "":
			t.Errorf("after [DONE]: %q", lines.Text())
		case data == "[DONE]":
			done = true
		case ok:
			list = append(list, data)
		case lines.Text() != "" && lines.Text()[0] != ':':
			t.Errorf("a line of the stream is %q", lines.Text())
		}
	}
	check(t, lines.Err())
	return list, done
}

// stream asks for a stream and returns its chunks.
func (c *client) stream(fields string) (list []chatChunk) {
	c.t.Helper()
	resp, err := c.http.Client().Do(c.request("POST", "/v1/chat/completions", "{"+fields+`, "stream": true}`))
	check(c.t, err)
	defer resp.Body.Close()
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || kind != "text/event-stream; charset=utf-8" {
		text, _ := io.ReadAll(resp.Body)
		c.t.Fatalf("%s, %s: %.300s", resp.Status, kind, text)
	}
	all, done := events(c.t, resp.Body)
	if !done {
		c.t.Error("the stream does not end with [DONE]")
	}
	for _, event := range all {
		var chunk chatChunk
		check(c.t, json.Unmarshal([]byte(event), &chunk))
		list = append(list, chunk)
	}
	return list
}

// joined is the text of a choice of a stream, and why it ended.
func joined(list []chatChunk, choice int) (text, end string) {
	for _, chunk := range list {
		for _, c := range chunk.Choices {
			if c.Index != choice {
				continue
			}
			if c.Delta.Content != nil {
				text += *c.Delta.Content
			}
			if c.FinishReason != nil {
				end += *c.FinishReason
			}
		}
	}
	return text, end
}

const (
	circle = "red-circle.png"
	star   = "square-and-star.png"
)

// picture returns an example in base64, and as a data URI.
func picture(t testing.TB, name string) (base, uri string) {
	t.Helper()
	data, err := os.ReadFile("../model/pocket/examples/" + name)
	check(t, err)
	base = base64.StdEncoding.EncodeToString(data)
	return base, "data:image/png;base64," + base
}

// hello is the least that a request needs.
const hello = `"messages": [{"role": "user", "content": "Hi"}]`

// about is a question about a picture, whose URL is given.
func about(url, question string) string {
	part, _ := json.Marshal(map[string]any{"type": "image_url", "image_url": map[string]any{"url": url}})
	return fmt.Sprintf(`"temperature": 0, "messages": [{"role": "user", "content": [%s, {"type": "text", "text": %q}]}]`, part, question)
}

// servePNG answers with a picture.
func servePNG(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write(data)
	}
}
