package web

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"pixtral-wgpu/engine"
	"pixtral-wgpu/model"
)

// endless is a question whose answer ends by its bound only.
func endless(tokens int) string {
	return fmt.Sprintf(`%s, "ignore_eos": true, "max_tokens": %d`, hello, tokens)
}

// until waits for the engine's figures to be so.
func (c *client) until(what string, is func(s engine.Stats) bool) {
	c.t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(c.server.engine.Stats()); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatalf("never %s: %+v", what, c.server.engine.Stats())
		}
	}
}

func idle(s engine.Stats) bool { return s.Running+s.Waiting == 0 }

// When as many wait as may, others are told to come again. Whoever asks at a
// server whose answers take too long is told that, too.
func TestQueueFull(t *testing.T) {
	p, closeModel := openPocket(t)
	t.Cleanup(closeModel)
	e, err := engine.New(p, engine.Options{Context: 1024, Slots: 1, Queue: 1})
	check(t, err)
	c := serve(t, e, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range 2 {
		all.Go(func() {
			r := c.request("POST", "/v1/chat/completions", "{"+endless(900)+`, "stream": true}`).WithContext(ctx)
			if resp, err := c.http.Client().Do(r); err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
		c.until("one more", func(s engine.Stats) bool { return s.Running+s.Waiting == i+1 })
	}
	for _, stream := range []string{"false", "true"} {
		a := c.ask("POST", "/v1/chat/completions", "{"+endless(4)+`, "stream": `+stream+"}")
		wrong, err := a.asError()
		if err != nil || a.status != 429 || a.header.Get("Retry-After") == "" || wrong.Type != "rate_limit_error" || *wrong.Code != "queue_full" {
			t.Errorf("stream %s: %d %s %v", stream, a.status, a.body, err)
		}
	}
	c.get("GET", "/health", "", 200, nil) // full is not ill
	cancel()
	all.Wait()
	c.until("idle", idle)
	c.chat(hello + `, "max_tokens": 1`)
	s, err := New(kept{e}, Options{Context: 1024, Timeout: 30 * time.Millisecond})
	check(t, err)
	slow := *c
	h := newHTTP(t, s)
	slow.server, slow.http = s, h
	if e := slow.wrong("POST", "/v1/chat/completions", "{"+endless(900)+"}", 504); e.Type != "timeout_error" {
		t.Errorf("%+v", e)
	}
	resp, err := h.Client().Do(slow.request("POST", "/v1/chat/completions", "{"+endless(900)+`, "stream": true}`))
	check(t, err)
	defer resp.Body.Close()
	list, done := events(t, resp.Body) // it has begun, so that the error is its last event
	if last := list[len(list)-1]; done || !strings.Contains(last, "timeout_error") {
		t.Errorf("the stream ends with %s, %t", last, done)
	}
}

// Clients that leave, before and within answers, streamed or not, end their work
// within a step; so do those that stop reading.
func TestClientsThatLeave(t *testing.T) {
	c := serve(t, shared(t), Options{WriteTimeout: 300 * time.Millisecond})
	cancelled := c.server.engine.Stats().Cancelled
	for i, body := range []string{"{" + endless(900) + "}", "{" + endless(900) + `, "stream": true}`, "{" + endless(900) + `, "n": 4}`, `{"prompt": "A", "ignore_eos": true, "max_tokens": 900}`} {
		path := "/v1/chat/completions"
		if i == 3 {
			path = "/v1/completions"
		}
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if resp, err := c.http.Client().Do(c.request("POST", path, body).WithContext(ctx)); err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
		tokens := c.server.engine.Stats().CompletionTokens
		c.until("a few tokens", func(s engine.Stats) bool { return s.CompletionTokens > tokens+8 })
		cancel()
		all.Wait()
		start := time.Now()
		c.until("idle", idle)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: the work went on for %v", shorten(body), took)
		}
	}
	if s := c.server.engine.Stats(); s.Cancelled < cancelled+7 || s.Failed > 0 {
		t.Errorf("%d cancelled, %d failed", s.Cancelled-cancelled, s.Failed)
	}

	// One that reads nothing: what is sent fills the buffers between, then it counts as gone.
	cancelled = c.server.engine.Stats().Cancelled
	conn, err := (&net.Dialer{Control: smallBuffer}).Dial("tcp", strings.TrimPrefix(c.http.URL, "http://"))
	check(t, err)
	defer conn.Close()
	body := "{" + endless(900) + `, "stream": true, "logprobs": true, "top_logprobs": 20, "n": 8}`
	fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	c.until("begun", func(s engine.Stats) bool { return s.Running > 0 })
	c.chat(hello + `, "max_tokens": 4`) // it holds up nobody
	c.until("idle", idle)
	if n := c.server.engine.Stats().Cancelled - cancelled; n == 0 {
		t.Error("one that reads nothing was answered to the end")
	}
	c.alive()
}

// Requests of which half comes, or none, or nonsense, end and are told so.
func TestHalfSent(t *testing.T) {
	c := serve(t, shared(t), Options{BodyTimeout: 200 * time.Millisecond})
	address := strings.TrimPrefix(c.http.URL, "http://")
	for sent, want := range map[string]string{
		"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"messages\":":         "408",
		"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"mes\r\n": "408",
		"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n":    "400",
		"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n{":              "413",
		"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: -1\r\n\r\n{":                       "400",
		"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n":                                                                             "400",
		"GET /health HTTP/1.1\r\n\r\n":                                                             "400",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n":                                     "400",
		"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 2<<20) + "\r\n\r\n": "431",
	} {
		conn, err := net.Dial("tcp", address)
		check(t, err)
		go io.WriteString(conn, sent)
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.HasPrefix(line, "HTTP/1.1 "+want) && !strings.HasPrefix(line, "HTTP/1.0 "+want) {
			t.Errorf("%.90q: %q, %v; want %s", sent, line, err, want)
		}
		conn.Close()
	}
	for range 20 { // and some that go away in the middle
		conn, err := net.Dial("tcp", address)
		check(t, err)
		io.WriteString(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"messages\":")
		conn.Close()
	}
	c.alive()
}

// When the device is lost, requests fail with 503, health says so until there is
// another, and then all is as before.
func TestDeviceLost(t *testing.T) {
	p, closeModel := openPocket(t)
	reopen, opening := make(chan struct{}), make(chan struct{}, 1)
	e, err := engine.New(p, engine.Options{Context: 1024, Slots: 4, Open: func(ctx context.Context) (now *model.Pixtral, err error) {
		closeModel()
		opening <- struct{}{}
		<-reopen
		now, closeModel, err = loadPocket(ctx)
		return now, err
	}})
	check(t, err)
	t.Cleanup(func() { closeModel() })
	c := serve(t, e, Options{})
	c.alive()
	var all sync.WaitGroup
	all.Go(func() {
		if e := c.wrong("POST", "/v1/chat/completions", "{"+endless(900)+"}", 503); e.Type != "service_unavailable" || *e.Code != "device_lost" {
			t.Errorf("%+v", e)
		}
	})
	resp, err := c.http.Client().Do(c.request("POST", "/v1/chat/completions", "{"+endless(900)+`, "stream": true}`))
	check(t, err)
	defer resp.Body.Close()
	c.until("two running", func(s engine.Stats) bool { return s.Running == 2 })
	check(t, e.Exclusive(t.Context(), func(_ context.Context, p *model.Pixtral) error {
		p.Device().Lose()
		return nil
	}))
	all.Wait()
	list, done := events(t, resp.Body)
	if last := list[len(list)-1]; done || !strings.Contains(last, "device_lost") {
		t.Errorf("the stream ends with %s", last)
	}
	<-opening
	a := c.ask("GET", "/health", "")
	if wrong, err := a.asError(); err != nil || a.status != 503 || a.header.Get("Retry-After") == "" || *wrong.Code != "device_lost" {
		t.Errorf("health: %d %s %v", a.status, a.body, err)
	}
	if m := c.ask("GET", "/metrics", ""); !strings.Contains(m.body, "\npixtral_up 0\n") {
		t.Error("pixtral_up is not 0")
	}
	c.get("GET", "/v1/models", "", 200, nil) // what needs no device goes on
	c.get("POST", "/tokenize", `{"prompt": "x"}`, 200, nil)
	close(reopen)
	c.until("back", func(s engine.Stats) bool { return s.Restarts == 1 })
	c.alive()
	check(t, e.Close())
	if a := c.ask("GET", "/health", ""); a.status != 503 {
		t.Errorf("health when closed: %d %s", a.status, a.body)
	}
	if e := c.wrong("POST", "/v1/chat/completions", "{"+hello+"}", 503); *e.Code != "stopping" {
		t.Errorf("%+v", e)
	}
}

// A server that is told to stop lets answers finish and takes no more.
func TestServeStops(t *testing.T) {
	s, err := New(shared(t), Options{Context: 1024})
	check(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	url := "http://" + l.Addr().String()
	resp, err := http.Post(url+"/v1/chat/completions", "application/json", strings.NewReader("{"+endless(200)+`, "stream": true}`))
	check(t, err)
	defer resp.Body.Close()
	stop()
	list, done := events(t, resp.Body)
	if !done || len(list) < 100 {
		t.Errorf("%d events, %t", len(list), done)
	}
	check(t, <-ended)
	if _, err := http.Get(url + "/health"); err == nil {
		t.Error("it still answers")
	}
}
