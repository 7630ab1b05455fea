package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"pixtral-wgpu/engine"
	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pocket"
	"pixtral-wgpu/tokenizer"
)

// A client that leaves ends its request within a step, wherever it is, and
// nothing of it stays.
func TestLeave(t *testing.T) {
	p := load(t)
	e := start(t, p, engine.Options{Context: 4096, Slots: 1})
	req := engine.Request{Prompt: prompts(t, p, 1)[0], Sampler: unending(p)}
	ctx, cancel := context.WithCancel(t.Context())
	n, waited := 0, make(chan error, 1)
	_, err := e.Generate(ctx, req, func(engine.Event) error {
		if n++; n == 2 { // one behind it, that leaves while it waits
			short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			_, err := e.Generate(short, req, nil)
			waited <- err
		}
		if n == 5 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || n > 400 {
		t.Errorf("%d events, then %v", n, err)
	}
	if err := <-waited; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting: %v", err)
	}
	broken := errors.New("broken pipe")
	if _, err := e.Generate(t.Context(), req, func(engine.Event) error { return broken }); err != broken {
		t.Errorf("an error of emit: %v", err)
	}
	if s := e.Stats(); s.Cancelled != 3 || s.Failed != 0 || s.Running+s.Waiting+s.KVUsed != 0 {
		t.Errorf("%+v", s)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := e.Generate(ctx, req, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("gone before: %v", err)
	}
}

// Beyond the bound of the queue a request is refused at once; a client with many
// does not keep another's one waiting.
func TestQueue(t *testing.T) {
	p := load(t)
	e := start(t, p, engine.Options{Context: 1024, Slots: 2, Queue: 3})
	req := engine.Request{Prompt: prompts(t, p, 1)[0], Sampler: unending(p), MaxTokens: 60, Client: "many"}
	var order []string
	var mu sync.Mutex
	var all sync.WaitGroup
	ask := func(client string) {
		all.Go(func() {
			req := req
			req.Client = client
			first := true
			_, err := e.Generate(t.Context(), req, func(engine.Event) error {
				if first {
					mu.Lock()
					order = append(order, client)
					mu.Unlock()
				}
				first = false
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	until := func(what string, done func(s engine.Stats) bool) {
		t.Helper()
		for end := time.Now().Add(30 * time.Second); !done(e.Stats()); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("no %s: %+v", what, e.Stats())
			}
		}
	}
	ask("many")
	ask("many")
	until("two running", func(s engine.Stats) bool { return s.Running == 2 })
	ask("many")
	ask("many")
	until("two waiting", func(s engine.Stats) bool { return s.Waiting == 2 })
	ask("one")
	until("three waiting", func(s engine.Stats) bool { return s.Waiting == 3 })
	if _, err := e.Generate(t.Context(), req, nil); !errors.Is(err, engine.ErrBusy) {
		t.Errorf("a sixth: %v", err)
	}
	all.Wait()
	if len(order) != 5 || order[2] != "one" {
		t.Errorf("served %v", order)
	}
	if s := e.Stats(); s.Refused != 1 || s.Requests != 5 {
		t.Errorf("%+v", s)
	}
}

// Clients take turns where only one runs at a time, too.
func TestTurns(t *testing.T) {
	p := load(t)
	e := start(t, p, engine.Options{Context: 256, Slots: 1})
	var order []string
	var mu sync.Mutex
	var all sync.WaitGroup
	for i, client := range []string{"a", "a", "a", "a", "b", "b", "c"} {
		all.Go(func() {
			req := engine.Request{Prompt: model.Prompt{Tokens: []tokenizer.Token{1}}, Sampler: unending(p), MaxTokens: 30, Client: client}
			_, err := e.Generate(t.Context(), req, nil)
			check(t, err)
			mu.Lock()
			order = append(order, client)
			mu.Unlock()
		})
		for s := e.Stats(); s.Running+s.Waiting+int(s.Requests) <= i; s = e.Stats() {
			time.Sleep(time.Millisecond)
		}
	}
	all.Wait()
	if got := strings.Join(order, ""); !strings.HasPrefix(got, "abcab") && !strings.HasPrefix(got, "aabcab") {
		t.Errorf("served in the order %s", got)
	}
}

// Nothing of many requests stays on the device, nor in the pool.
func TestNoLeak(t *testing.T) {
	p := load(t)
	list := prompts(t, p, 30)
	for i := range list {
		if i%10 > 0 { // pictures are in some
			list[i] = model.Prompt{Tokens: p.Tokenizer.EncodePrompt(strings.Repeat("A red circle. ", i))}
		}
	}
	e := start(t, p, engine.Options{Context: 512, Slots: 16, Tokens: 1024, ImageBytes: 1 << 20})
	used := func() (bytes uint64) {
		check(t, e.Exclusive(t.Context(), func(_ context.Context, p *model.Pixtral) error {
			bytes, _ = p.Device().Used()
			return nil
		}))
		return bytes
	}
	run := func(n int) {
		var all sync.WaitGroup
		for client := range 16 {
			all.Go(func() {
				for i := client; i < n; i += 16 {
					ctx, cancel := context.WithCancel(t.Context())
					k := 0
					_, err := e.Generate(ctx, engine.Request{Prompt: list[i%len(list)], MaxTokens: 3}, func(engine.Event) error {
						if k++; i%7 == 0 && k == 2 {
							cancel()
						}
						return nil
					})
					if err != nil && !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
					cancel()
				}
			})
		}
		all.Wait()
	}
	run(100) // buffers, images and pages are full now
	before := used()
	run(1000)
	if after := used(); after > before+1<<20 {
		t.Errorf("%s on the device after 100 requests, %s after 1100", gpu.Size(before), gpu.Size(after))
	}
	if s := e.Stats(); s.Running+s.Waiting+s.KVUsed != 0 || s.Requests != 1100 {
		t.Errorf("%+v", s)
	}
}

// One content is encoded once, however many ask about it at once.
func TestOneEncodeAContent(t *testing.T) {
	p := load(t)
	e := start(t, p, engine.Options{Context: 512})
	prompt := prompts(t, p, 1)[0]
	if len(prompt.Images) != 1 {
		t.Fatalf("%d images", len(prompt.Images))
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			mine := prompt // another question about the same picture
			mine.Tokens = append(append([]tokenizer.Token{}, prompt.Tokens...), tokenizer.Token(500+i))
			answer(t, e, engine.Request{Prompt: mine, MaxTokens: 4})
		})
	}
	all.Wait()
	if s := e.Stats(); s.ImagesEncoded != 1 || s.ImagesFound != 7 {
		t.Errorf("%d encoded, %d found", s.ImagesEncoded, s.ImagesFound)
	}
}

// Requests under way fail when the device is lost; the engine opens another and
// answers again, those that waited too.
func TestDeviceLost(t *testing.T) {
	device, err := gpu.Open(gpu.Options{})
	check(t, err)
	c, err := model.ParseCheckpoint("pocket", pocket.Params, pocket.Weights, pocket.Tekken)
	check(t, err)
	p, err := model.Load(t.Context(), device, c, model.LoadOptions{})
	check(t, err)
	fails := 0
	var now *model.Pixtral
	var e *engine.Engine
	open := func(ctx context.Context) (*model.Pixtral, error) {
		if err := e.Health(); !errors.Is(err, engine.ErrDeviceLost) {
			t.Errorf("health while there is no device: %v", err)
		}
		p.Close()
		device.Close()
		if fails > 0 {
			fails--
			return nil, errors.New("no adapter found")
		}
		device, err = gpu.Open(gpu.Options{})
		check(t, err)
		now, err = model.Load(ctx, device, c, model.LoadOptions{})
		p = now
		return now, err
	}
	t.Cleanup(func() { p.Close(); device.Close() })
	e = start(t, p, engine.Options{Context: 1024, Slots: 2, Open: open})
	req := engine.Request{Prompt: prompts(t, p, 1)[0], MaxTokens: 8}
	want := answer(t, e, req)
	check(t, e.Health())

	lose := func() {
		t.Helper()
		endless := req
		endless.Sampler, endless.MaxTokens = unending(p), 0
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				if _, err := e.Generate(t.Context(), endless, nil); !errors.Is(err, engine.ErrDeviceLost) {
					t.Errorf("under way: %v", err)
				}
			})
		}
		for e.Stats().Running < 2 {
			time.Sleep(time.Millisecond)
		}
		all.Go(func() { // waits while the device is lost
			reply, err := e.Generate(t.Context(), req, nil)
			if fails == 0 && err == nil && reply.Text != want.Text || err != nil && !errors.Is(err, engine.ErrDeviceLost) {
				t.Errorf("waiting: %q, %v", reply.Text, err)
			}
		})
		for e.Stats().Waiting < 1 {
			time.Sleep(time.Millisecond)
		}
		check(t, e.Exclusive(t.Context(), func(_ context.Context, p *model.Pixtral) error {
			p.Device().Lose()
			return nil
		}))
		all.Wait()
	}
	lose()
	if got := answer(t, e, req); got.Text != want.Text {
		t.Errorf("on another device: %q, want %q", got.Text, want.Text)
	}
	if e.Model() != now || e.Stats().Restarts != 1 {
		t.Errorf("%d restarts", e.Stats().Restarts)
	}

	fails = 1 // the next time it takes two attempts
	lose()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		reply, err := e.Generate(t.Context(), req, nil)
		if err == nil && reply.Text == want.Text {
			break
		}
		if !errors.Is(err, engine.ErrDeviceLost) || time.Now().After(end) {
			t.Fatalf("after an attempt that failed: %v", err)
		}
	}
	check(t, e.Health())

	// A device that is lost while nobody uses it is missed when somebody asks.
	check(t, e.Exclusive(t.Context(), func(_ context.Context, p *model.Pixtral) error {
		p.Device().Lose()
		return nil
	}))
	var lost *gpu.DeviceLostError
	if err := e.Health(); !errors.As(err, &lost) {
		t.Errorf("lost while idle: %v", err)
	}
	if got := answer(t, e, req); got.Text != want.Text || e.Health() != nil {
		t.Errorf("after a loss while idle: %q, want %q; %v", got.Text, want.Text, e.Health())
	}
}

// Close ends everything.
func TestClose(t *testing.T) {
	p := load(t)
	e := start(t, p, engine.Options{Context: 4096, Slots: 1})
	req := engine.Request{Prompt: prompts(t, p, 1)[0], Sampler: unending(p)}
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			if _, err := e.Generate(t.Context(), req, nil); !errors.Is(err, engine.ErrClosed) {
				t.Errorf("%v", err)
			}
		})
	}
	for s := e.Stats(); s.Running < 1 || s.Waiting < 1; s = e.Stats() {
		time.Sleep(time.Millisecond)
	}
	check(t, e.Close())
	all.Wait()
	if _, err := e.Generate(t.Context(), req, nil); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("after it: %v", err)
	}
	if err := e.Exclusive(t.Context(), func(context.Context, *model.Pixtral) error { return nil }); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("after it: %v", err)
	}
}

// What cannot be answered is refused before it waits.
func TestRefused(t *testing.T) {
	p := load(t)
	e := start(t, p, engine.Options{Context: 64})
	one := model.Prompt{Tokens: []tokenizer.Token{1}}
	for name, req := range map[string]engine.Request{
		"empty":         {},
		"no vocabulary": {Prompt: model.Prompt{Tokens: []tokenizer.Token{1 << 20}}},
		"sampler":       {Prompt: one, Sampler: model.Sampler{TopP: 2}},
		"bound":         {Prompt: one, MaxTokens: -1},
		"top":           {Prompt: one, LogProbs: true, TopLogProbs: 21},
	} {
		if _, err := e.Generate(t.Context(), req, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	var full *model.ContextError
	long := engine.Request{Prompt: model.Prompt{Tokens: make([]tokenizer.Token, 64)}}
	if _, err := e.Generate(t.Context(), long, nil); !errors.As(err, &full) || full.Fits != 63 {
		t.Errorf("a prompt too long: %v", err)
	}
	long.Prompt.Tokens = long.Prompt.Tokens[:60]
	long.Sampler = unending(p)
	reply, err := e.Generate(t.Context(), long, nil)
	check(t, err)
	if reply.FinishReason != model.Full || len(reply.Tokens) != 5 {
		t.Errorf("%d tokens, then %s", len(reply.Tokens), reply.FinishReason)
	}
	if want := alone(t, p, long, 64); len(want.Tokens) != 5 || want.FinishReason != model.Full {
		t.Errorf("a session: %d tokens, then %s", len(want.Tokens), want.FinishReason)
	}
}
