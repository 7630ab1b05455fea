package model

import (
	"cmp"
	"context"
	"fmt"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/tokenizer"
)

// PoolOptions says how large a pool is; the zero value is right.
type PoolOptions struct {
	Context    int    // the most tokens of a sequence; 0 means DefaultContext
	Sequences  int    // sequences at once; 0 means 1
	Tokens     int    // tokens of all sequences together; 0 means room for each to be as long as may be
	Rows       int    // positions evaluated in a pass; 0 means 512
	KV         string // "f16", "f32" or "q8_0", the type of keys and values; "" means f16
	CacheBytes uint64 // split keys and values into caches of at most this a layer; 0 means as large as a binding

	allLogits bool // make the logits of every position of a prompt, for taps
}

const (
	// DefaultContext is how many tokens a sequence may have unless it is told.
	DefaultContext = 8192
	defaultRows    = 512

	// MaxContext is how many positions Pixtral 12B was trained for (spec §1.1).
	MaxContext = 131072
)

// complete puts the defaults in and checks what was asked for.
func (o PoolOptions) complete() (PoolOptions, gpu.Type, error) {
	o.Context, o.Sequences = cmp.Or(o.Context, DefaultContext), cmp.Or(o.Sequences, 1)
	o.Tokens = cmp.Or(o.Tokens, o.Context*o.Sequences)
	o.Rows = max(min(cmp.Or(o.Rows, defaultRows), o.Tokens), o.Sequences)
	switch {
	case o.Context < 2 || o.Context > MaxContext:
		return o, 0, fmt.Errorf("model: a context of %d tokens; it may be 2 to %d", o.Context, MaxContext)
	case o.Sequences < 1 || o.Rows < 1:
		return o, 0, fmt.Errorf("model: %d sequences, %d tokens at a time; both must be 1 or more", o.Sequences, o.Rows)
	case o.Tokens < o.Context:
		return o, 0, fmt.Errorf("model: room for %d tokens in all, and one sequence may have %d; give it that much, or a smaller context", o.Tokens, o.Context)
	}
	kv, ok := map[string]gpu.Type{"": gpu.F16, "f16": gpu.F16, "f32": gpu.F32, "q8_0": gpu.Q8}[o.KV]
	if !ok {
		return o, 0, fmt.Errorf("model: keys and values of type %q; there are f16, q8_0 and f32", o.KV)
	}
	return o, kv, nil
}

// FitPool returns o with Tokens for as many as a pool of so many bytes has room
// for: at least one sequence as long as may be, at most all of them.
func (p *Pixtral) FitPool(o PoolOptions, bytes uint64) (PoolOptions, error) {
	o.Tokens = 0
	full, kv, err := o.complete()
	if err != nil {
		return o, err
	}
	least := full
	least.Tokens = full.Context
	a := &arena{}
	if _, err := newDecoder(a, p.Config, least, kv); err != nil {
		return o, err
	}
	each := 2 * uint64(p.Config.Layers) * kv.Bytes(p.Config.KVHeads*p.Config.HeadDim)
	more := (bytes - min(bytes, a.bytes)) / each
	o.Tokens = int(min(uint64(full.Context)+more, uint64(full.Tokens)))
	return o, nil
}

// A Pool holds the keys and values of many sequences in pages of ops.Page
// positions, and evaluates rows of them in one pass. Who has which page is the
// caller's to say: sequences may share those of a common beginning. What becomes
// of a row never depends on the rows beside it. It is not safe for concurrent use.
type Pool struct {
	Tap   gpu.Tap    // sees every value of the pass; nil for none
	Clock *gpu.Clock // measures every kernel; nil for none

	p       *Pixtral
	options PoolOptions
	arena   arena
	decoder *decoder
}

// NewPool makes an empty pool.
func (p *Pixtral) NewPool(o PoolOptions) (*Pool, error) {
	o, kv, err := o.complete()
	if err != nil {
		return nil, err
	}
	pool := &Pool{p: p, options: o, arena: arena{dev: p.dev}}
	if pool.decoder, err = newDecoder(&pool.arena, p.Config, o, kv); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// Close gives the pool's memory back.
func (l *Pool) Close() {
	if l.decoder != nil {
		l.decoder.free(l.p.dev)
	}
	l.arena.free()
}

// Options returns what the pool was made with, no zero in it.
func (l *Pool) Options() PoolOptions { return l.options }

// Caches returns how many pages each of the pool's caches has.
func (l *Pool) Caches() (pages []int) {
	for _, c := range l.decoder.caches {
		pages = append(pages, c.pages())
	}
	return pages
}

// Read evaluates parts of prompts. A prompt gives the same, however it is cut
// into pieces. It stops between layers when ctx is done: the positions of the
// pieces then hold nothing.
func (l *Pool) Read(ctx context.Context, pieces []Piece) error { return l.run(ctx, pieces, false) }

// Step evaluates tokens of answers: one each of several, or those that came one
// after the other before, which gives the same.
func (l *Pool) Step(ctx context.Context, pieces []Piece) error { return l.run(ctx, pieces, true) }

func (l *Pool) run(ctx context.Context, pieces []Piece, each bool) error {
	b, err := l.decoder.lay(pieces, each)
	if err != nil {
		return err
	}
	r := l.decoder.recorder(l.p.dev)
	r.Tap, r.Clock = l.Tap, l.Clock
	return l.decoder.forward(ctx, r, l.p, b)
}

// Best returns the likeliest token to follow each of the positions that wanted
// logits in the last pass, found on the device.
func (l *Pool) Best() ([]tokenizer.Token, error) {
	best, err := l.decoder.argmax(l.p.dev, l.Clock)
	list := make([]tokenizer.Token, len(best))
	for i, tok := range best {
		list[i] = tokenizer.Token(tok)
	}
	return list, err
}

// Logits returns the scores of the first n positions that wanted logits in the
// last pass: [vocab] each.
func (l *Pool) Logits(n int) ([][]float32, error) {
	if n < 1 || n > l.decoder.made {
		return nil, fmt.Errorf("model: logits of %d positions; there are %d", n, l.decoder.made)
	}
	all, err := l.p.dev.Floats(l.decoder.logits.Rows(n))
	if err != nil {
		return nil, err
	}
	vocab := l.p.Config.VocabSize
	list := make([][]float32, n)
	for i := range list {
		list[i] = all[i*vocab : (i+1)*vocab : (i+1)*vocab]
	}
	return list, nil
}

// Lists reports whether the vocabulary is so large that there are shortlists.
func (l *Pool) Lists() bool { return l.decoder.listing() }

// Shortlists returns those of the first positions that wanted logits in the last
// pass, one for each temperature, 0 for any, until it is called again.
func (l *Pool) Shortlists(temperatures []float64) ([]Shortlist, error) {
	if n := len(temperatures); n < 1 || n > l.decoder.made || !l.Lists() {
		return nil, fmt.Errorf("model: shortlists of %d positions; there are %d", n, l.decoder.made)
	}
	return l.decoder.shortlists(l.p.dev, l.Clock, temperatures)
}

// argmax returns the token of the greatest of each row of logits that there is,
// until it is called again.
func (d *decoder) argmax(dev *gpu.Device, clock *gpu.Clock) ([]uint32, error) {
	boxes, err := d.mailboxes(dev)
	if err != nil {
		return nil, err
	}
	r, v := d.recorder(dev), d.view(d.made)
	r.Clock = clock
	d.likeliest(r, v.best, v)
	r.Post(boxes[2], v.best)
	if err := r.Submit(); err != nil {
		return nil, err
	}
	return dev.Take(boxes[2])
}
