// Package inspect looks into answers: it keeps a few inspections, each a prompt
// with its answer in a session of its own, and computes what is asked of them
// between the steps of the engine. Nothing here runs unless it is asked for.
package inspect

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

// ErrGone means that there is no such inspection, or not any more: it was put
// away for newer ones, or its device was lost. It can be opened again.
var ErrGone = errors.New("the inspection is gone: it was put away for newer ones, or the device was lost; open it again")

// An Engine runs f alone on the device; *engine.Engine does.
type Engine interface {
	Exclusive(ctx context.Context, f func(ctx context.Context, p *model.Pixtral) error) error
}

// Options bounds what inspections take; the zero value is right.
type Options struct {
	Most    int           // inspections at once; 0 means 4
	Context int           // tokens of an inspection; 0 means model.DefaultContext
	Bytes   int           // of host memory for what was looked at, in each; 0 means 128 MiB
	Idle    time.Duration // after which one is put away when another thing is asked; 0 means half an hour
}

// A Store keeps inspections. Its methods are safe for concurrent use.
type Store struct {
	engine Engine
	o      Options

	mu   sync.Mutex
	open []*Inspection // the one used last is last

	measuring chan struct{} // full while rates are measured
	rates     *Rates
}

// New makes an empty store.
func New(e Engine, o Options) *Store {
	o.Most, o.Context = cmp.Or(o.Most, 4), cmp.Or(o.Context, model.DefaultContext)
	o.Bytes, o.Idle = cmp.Or(o.Bytes, 128<<20), cmp.Or(o.Idle, 30*time.Minute)
	return &Store{engine: e, o: o, measuring: make(chan struct{}, 1)}
}

// An Ask says what to inspect.
type Ask struct {
	Prompt model.Prompt
	Answer []tokenizer.Token // given, to be followed; it may go on with Steps
	Steps  int               // tokens to generate after it
	Sample model.Sampler     // how
}

const spareTokens = 64 // that an inspection may be stepped on by, at least

// Open runs a prompt and its answer in a session of its own.
func (s *Store) Open(ctx context.Context, a Ask) (*Inspection, error) {
	if err := a.Sample.Check(); err != nil {
		return nil, err
	}
	n := len(a.Prompt.Tokens) + len(a.Answer) + a.Steps + spareTokens
	if least := n - spareTokens + 1; least > s.o.Context {
		return nil, &model.ContextError{Tokens: least - 1, Fits: s.o.Context - 1}
	}
	i := &Inspection{
		ID: rand.Text()[:16], Prompt: a.Prompt, store: s, context: min(n, s.o.Context), used: time.Now(),
		seen: newCache(s.o.Bytes), picker: a.Sample.Picker(a.Prompt.Tokens),
	}
	s.makeRoom(ctx)
	err := s.engine.Exclusive(ctx, func(ctx context.Context, p *model.Pixtral) error { return i.begin(ctx, p) })
	if err == nil {
		err = i.follow(ctx, a.Answer)
	}
	if err == nil && a.Steps > 0 {
		err = i.Step(ctx, a.Steps)
	}
	if err != nil {
		i.close()
		return nil, err
	}
	s.mu.Lock()
	s.open = append(s.open, i)
	s.mu.Unlock()
	return i, nil
}

// makeRoom puts away what is idle, and the oldest if there are too many.
func (s *Store) makeRoom(ctx context.Context) {
	s.mu.Lock()
	var away []*Inspection
	for len(s.open) > 0 && (len(s.open) >= s.o.Most || time.Since(s.open[0].used) > s.o.Idle) {
		away, s.open = append(away, s.open[0]), s.open[1:]
	}
	s.mu.Unlock()
	for _, i := range away {
		i.close()
	}
}

// Get returns an inspection, or ErrGone.
func (s *Store) Get(id string) (*Inspection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.open, func(i *Inspection) bool { return i.ID == id })
	if at < 0 {
		return nil, ErrGone
	}
	i := s.open[at]
	i.used = time.Now()
	s.open = append(slices.Delete(s.open, at, at+1), i)
	return i, nil
}

// Drop puts an inspection away.
func (s *Store) Drop(id string) error {
	s.mu.Lock()
	at := slices.IndexFunc(s.open, func(i *Inspection) bool { return i.ID == id })
	if at < 0 {
		s.mu.Unlock()
		return ErrGone
	}
	i := s.open[at]
	s.open = slices.Delete(s.open, at, at+1)
	s.mu.Unlock()
	i.close()
	return nil
}

// Close puts all inspections away.
func (s *Store) Close() {
	s.mu.Lock()
	all := s.open
	s.open = nil
	s.mu.Unlock()
	for _, i := range all {
		i.close()
	}
}

// Len returns how many inspections are open.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// with runs f on the inspection's device, unless that is another by now.
func (i *Inspection) with(ctx context.Context, f func(ctx context.Context, p *model.Pixtral) error) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.store.engine.Exclusive(ctx, func(ctx context.Context, p *model.Pixtral) error {
		if i.session == nil || i.model != p {
			return ErrGone
		}
		return f(ctx, p)
	})
}

// close gives the session back. On a device that was lost there is nothing to give.
func (i *Inspection) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_ = i.with(ctx, func(context.Context, *model.Pixtral) error { // an engine that is closed has freed all
		i.freeTap()
		i.session.Close()
		i.session = nil
		return nil
	})
}

// A Fault is something asked for that is not there.
type Fault struct{ Message string }

func (f *Fault) Error() string { return f.Message }

func fault(format string, args ...any) error { return &Fault{fmt.Sprintf(format, args...)} }

func outOf(what string, n, of int) error {
	return fault("%s %d is not there; there are %d, counted from 0", what, n, of)
}
