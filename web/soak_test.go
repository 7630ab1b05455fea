package web_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pixtral-wgpu/engine"
	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pocket"
	"pixtral-wgpu/web"
)

const soakClients = 32

// A soak is a server under way and what its clients have seen.
type soak struct {
	address  string
	engine   *engine.Engine
	pictures []string // data URIs

	mu   sync.Mutex
	gaps []time.Duration // between pieces of answers
	seen map[string]int  // requests, by what the client did
	bad  []string
}

// TestSoak keeps 32 clients busy for as long as PIXTRAL_SOAK says, some of whom
// leave at random, read slowly, send half of what they announce or nonsense.
// There must be no error but of those, and memory must stay as it is. make soak
// runs it for 5 minutes.
func TestSoak(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("PIXTRAL_SOAK"))
	if err != nil {
		t.Skip("PIXTRAL_SOAK says for how long, for example 5m")
	}
	s := newSoak(t)
	before := s.engine.Stats().CompletionTokens
	alone := min(length/10, 20*time.Second)
	s.run(t, 1, alone, (*soak).stream)
	one := float64(s.engine.Stats().CompletionTokens-before) / alone.Seconds()
	before = s.engine.Stats().CompletionTokens
	s.run(t, soakClients, alone, (*soak).stream)
	many := float64(s.engine.Stats().CompletionTokens-before) / alone.Seconds()

	s.gaps = nil
	stop := make(chan struct{})
	rss, device := make(chan []uint64, 1), make(chan []uint64, 1)
	go s.watch(stop, rss, device)
	s.run(t, soakClients, length, (*soak).anything)
	close(stop)
	for _, bad := range s.bad {
		t.Error(bad)
	}
	slices.Sort(s.gaps)
	st := s.engine.Stats()
	t.Logf("%v: %d requests of the engine, %d cancelled, %d failed; clients %v", length, st.Requests, st.Cancelled, st.Failed, s.seen)
	t.Logf("one client %.1f tok/s, %d clients %.1f tok/s: %.1f times", one, soakClients, many, many/one)
	t.Logf("between tokens, as clients see it: median %v, p99 %v, most %v", s.gaps[len(s.gaps)/2].Round(time.Millisecond),
		s.gaps[len(s.gaps)*99/100].Round(time.Millisecond), s.gaps[len(s.gaps)-1].Round(time.Millisecond))
	for name, c := range map[string]chan []uint64{"process": rss, "device": device} {
		list := <-c
		if len(list) < 8 {
			continue
		}
		early, late := mean(list[len(list)/4:len(list)/2]), mean(list[len(list)*3/4:])
		t.Logf("memory of the %s: %s, then %s", name, gpu.Size(uint64(early)), gpu.Size(uint64(late)))
		if late > 1.05*early {
			t.Errorf("memory of the %s has grown by %.1f %%", name, 100*(late/early-1))
		}
	}
	if st.Failed > 0 || many < 2*one {
		t.Errorf("%d failed, %.1f times one client", st.Failed, many/one)
	}
}

func mean(list []uint64) (sum float64) {
	for _, v := range list {
		sum += float64(v)
	}
	return sum / float64(len(list))
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	d, err := gpu.Open(gpu.Options{})
	check(err)
	t.Cleanup(d.Close)
	c, err := model.ParseCheckpoint("pocket", pocket.Params, pocket.Weights, pocket.Tekken)
	check(err)
	p, err := model.Load(t.Context(), d, c, model.LoadOptions{})
	check(err)
	t.Cleanup(p.Close)
	s := &soak{seen: map[string]int{}}
	s.engine, err = engine.New(p, engine.Options{Context: 1024, Queue: 64, ImageBytes: 4 << 20, Tokens: 8192})
	check(err)
	server, err := web.New(s.engine, web.Options{Context: 1024, WriteTimeout: 5 * time.Second, BodyTimeout: 2 * time.Second})
	check(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	s.address = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		server.Close()
	})
	files, err := filepath.Glob("../model/pocket/testdata/*.png")
	check(err)
	for _, name := range files[:min(len(files), 60)] {
		data, err := os.ReadFile(name)
		check(err)
		s.pictures = append(s.pictures, "data:image/png;base64,"+base64.StdEncoding.EncodeToString(data))
	}
	return s
}

// run lets clients do what do does, one thing after the other, for so long.
func (s *soak) run(t *testing.T, clients int, length time.Duration, do func(*soak, context.Context, *rand.Rand) error) {
	t.Helper()
	end := time.Now().Add(length)
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 0))
			for time.Now().Before(end) {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
				if err := do(s, ctx, rng); err != nil {
					s.mu.Lock()
					s.bad = append(s.bad, err.Error())
					s.mu.Unlock()
				}
				cancel()
			}
		})
	}
	all.Wait()
}

// anything is what one client does next.
func (s *soak) anything(ctx context.Context, rng *rand.Rand) error {
	deeds := []struct {
		name  string
		share float64
		do    func(*soak, context.Context, *rand.Rand) error
	}{
		{"whole", 0.15, (*soak).whole}, {"leave", 0.15, (*soak).leave}, {"slow", 0.1, (*soak).slow},
		{"half", 0.1, (*soak).half}, {"nonsense", 0.05, (*soak).nonsense}, {"stream", 1, (*soak).stream},
	}
	at := rng.Float64()
	for _, d := range deeds {
		if at -= d.share; at < 0 {
			s.mu.Lock()
			s.seen[d.name]++
			s.mu.Unlock()
			if err := d.do(s, ctx, rng); err != nil {
				return fmt.Errorf("%s: %w", d.name, err)
			}
			return nil
		}
	}
	return nil
}

// body is a question, about a picture or none.
func (s *soak) body(rng *rand.Rand, stream bool) []byte {
	words := []string{"What is this?", "Describe the picture.", "How many shapes are there?", "Which colour is it?", "Is there a circle?"}
	parts := []map[string]any{{"type": "text", "text": words[rng.IntN(len(words))]}}
	if rng.IntN(3) > 0 {
		parts = append(parts, map[string]any{"type": "image_url", "image_url": map[string]any{"url": s.pictures[rng.IntN(len(s.pictures))]}})
	}
	data, _ := json.Marshal(map[string]any{
		"model": "pocket", "stream": stream, "max_tokens": 16 + rng.IntN(48), "temperature": float64(rng.IntN(2)) * 0.7, "seed": rng.IntN(1000),
		"messages": []map[string]any{{"role": "user", "content": parts}},
	})
	return data
}

func (s *soak) post(ctx context.Context, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, "POST", "http://"+s.address+"/v1/chat/completions", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	return http.DefaultClient.Do(req)
}

// stream reads an answer as it comes.
func (s *soak) stream(ctx context.Context, rng *rand.Rand) error {
	resp, err := s.post(ctx, s.body(rng, true))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != 200 {
		text, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("%s: %s", resp.Status, text)
	}
	var gaps []time.Duration
	last, ended := time.Time{}, false
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		switch data, ok := strings.CutPrefix(lines.Text(), "data: "); {
		case !ok:
		case data == "[DONE]":
			ended = true
		case strings.Contains(data, `"error"`):
			return fmt.Errorf("%s", data)
		default:
			if now := time.Now(); !last.IsZero() {
				gaps = append(gaps, now.Sub(last))
				last = now
			} else {
				last = now
			}
		}
	}
	if !ended {
		return fmt.Errorf("the stream ended without [DONE]")
	}
	s.mu.Lock()
	s.gaps = append(s.gaps, gaps...)
	s.mu.Unlock()
	return nil
}

// whole waits for a whole answer.
func (s *soak) whole(ctx context.Context, rng *rand.Rand) error {
	resp, err := s.post(ctx, s.body(rng, false))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct {
		Choices []struct{ Message struct{ Content string } }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != 200 || len(answer.Choices) != 1 {
		return fmt.Errorf("%s: %+v, %v", resp.Status, answer, err)
	}
	return nil
}

// leave breaks the connection off at any time.
func (s *soak) leave(ctx context.Context, rng *rand.Rand) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(rng.IntN(1500))*time.Millisecond)
	defer cancel()
	if resp, err := s.post(ctx, s.body(rng, rng.IntN(2) == 0)); err == nil {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	return s.alive()
}

// slow reads a few bytes at a time, and may give up.
func (s *soak) slow(ctx context.Context, rng *rand.Rand) error {
	resp, err := s.post(ctx, s.body(rng, true))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b := make([]byte, 200)
	for range 20 {
		time.Sleep(time.Duration(rng.IntN(200)) * time.Millisecond)
		if _, err := resp.Body.Read(b); err != nil {
			break
		}
	}
	return s.alive()
}

// half sends less than it announces, and closes or waits.
func (s *soak) half(_ context.Context, rng *rand.Rand) error {
	conn, err := net.Dial("tcp", s.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	body := s.body(rng, true)
	fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", s.address, len(body))
	conn.Write(body[:rng.IntN(len(body))])
	time.Sleep(time.Duration(rng.IntN(3000)) * time.Millisecond)
	return s.alive()
}

// nonsense gets an error that says what is wrong.
func (s *soak) nonsense(ctx context.Context, rng *rand.Rand) error {
	body := s.body(rng, false)
	body = body[:rng.IntN(len(body))]
	resp, err := s.post(ctx, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode < 400 || resp.StatusCode > 499 || !bytes.Contains(text, []byte(`"message"`)) {
		return fmt.Errorf("%s: %s", resp.Status, text)
	}
	return nil
}

// alive asks whether the server still answers.
func (s *soak) alive() error {
	resp, err := http.Get("http://" + s.address + "/health")
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		return fmt.Errorf("health: %s", resp.Status)
	}
	return nil
}

// watch notes the memory of the process and of the device, twice a second.
func (s *soak) watch(stop chan struct{}, rss, device chan []uint64) {
	var process, buffers []uint64
	for {
		select {
		case <-stop:
			rss <- process
			device <- buffers
			return
		case <-time.After(500 * time.Millisecond):
		}
		status, err := os.ReadFile("/proc/self/status") // Linux
		if _, after, ok := strings.Cut(string(status), "VmRSS:"); err == nil && ok {
			var kb uint64
			fmt.Sscan(after, &kb)
			process = append(process, kb<<10)
		}
		s.engine.Exclusive(context.Background(), func(_ context.Context, p *model.Pixtral) error {
			now, _ := p.Device().Used()
			buffers = append(buffers, now)
			return nil
		})
	}
}
