// Package engine answers many requests at once on one model. A device and a
// model are not safe for concurrent use: one goroutine of the engine owns them,
// takes requests from a bounded queue and hands tokens back as they come.
package engine

import (
	"cmp"
	"context"
	"errors"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"pixtral-wgpu/model"
)

var (
	// ErrBusy means that as many requests wait as may.
	ErrBusy = errors.New("engine: the queue is full; try again later")
	// ErrDeviceLost means that the device went away under a request. The engine
	// opens it anew; the request may be sent again.
	ErrDeviceLost = errors.New("engine: the device was lost while it worked; try again")
	// ErrClosed means that the engine was closed.
	ErrClosed = errors.New("engine: closed")
)

// Options says how much an engine does at a time; the zero value is right.
type Options struct {
	Context int    // most tokens of a request, prompt and answer together; 0 means model.DefaultContext
	Slots   int    // requests that run at once; 0 means 32
	Queue   int    // requests that may wait beside them; 0 means 128
	Tokens  int    // tokens of all requests together, and of those that are kept for the next; 0 means what half of the free memory holds
	KV      string // type of keys and values: "f16", "f32" or "q8_0"; "" means f16
	Chunk   int    // most prompt tokens evaluated at a time; 0 means 512

	ImageBytes uint64 // of encoded images that are kept; 0 means 256 MiB
	CacheBytes uint64 // see model.PoolOptions

	// Exact evaluates an answer that comes back in the prompt of the next turn
	// again: by other kernels, which round differently, as if it had never been
	// there. Then a greedy answer depends on nothing but its request.
	Exact bool

	// Open opens device and model anew after the device was lost, and closes
	// those before. Without it the engine answers ErrDeviceLost from then on.
	Open func(ctx context.Context) (*model.Pixtral, error)
}

const (
	defaultSlots      = 32
	defaultQueue      = 128
	defaultImageBytes = 256 << 20

	mostClients = 4096 // whose last turns are known
)

// An Engine runs requests on one model. Its methods are safe for concurrent use.
type Engine struct {
	options Options
	context int             // most tokens of a request
	ctx     context.Context // done when the engine is closed
	cancel  context.CancelFunc
	ended   chan struct{} // closed when the loop has returned
	wake    chan struct{} // holds one if the loop has something to look at

	mu      sync.Mutex
	model   *model.Pixtral
	waiting []*task
	calls   []*call
	stats   Stats
	closed  bool
	lost    error                          // why there is no device; nil if there is one
	down    bool                           // opening one has failed: nobody is kept waiting
	served  *simplelru.LRU[string, uint64] // by client: when it had its last turn
	turns   uint64
}

// New starts an engine on a model, which is the engine's until Close; that the
// model and its device must be closed is still the caller's to do.
func New(p *model.Pixtral, o Options) (*Engine, error) {
	e, w, err := prepare(p, o)
	if err != nil {
		return nil, err
	}
	go e.loop(w)
	return e, nil
}

// prepare makes an engine and what its loop works with.
func prepare(p *model.Pixtral, o Options) (*Engine, *worker, error) {
	o.Slots, o.Queue = cmp.Or(o.Slots, defaultSlots), cmp.Or(o.Queue, defaultQueue)
	o.ImageBytes = cmp.Or(o.ImageBytes, defaultImageBytes)
	e := &Engine{options: o, model: p, ended: make(chan struct{}), wake: make(chan struct{}, 1)}
	e.served, _ = simplelru.NewLRU[string, uint64](mostClients, nil) // an error is a size of nothing
	e.ctx, e.cancel = context.WithCancel(context.Background())
	w, err := newWorker(e, p)
	if err != nil {
		return nil, nil, err
	}
	size := w.pool.Options()
	e.context, e.options.Tokens = size.Context, size.Tokens // after a loss the same again
	e.stats.Context, e.stats.KVTotal = size.Context, size.Tokens
	return e, w, nil
}

// pool returns the pool that o asks for on a model.
func (o Options) pool(p *model.Pixtral) (model.PoolOptions, error) {
	pool := model.PoolOptions{
		Context: o.Context, Sequences: o.Slots, Tokens: o.Tokens, Rows: o.Chunk, KV: o.KV, CacheBytes: o.CacheBytes,
	}
	if o.Tokens > 0 {
		return pool, nil
	}
	return p.FitPool(pool, p.Device().Room()/2)
}

// Close ends all requests with ErrClosed and waits until the device is left alone.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.cancel()
	<-e.ended
	return nil
}

// Model returns the model, for facts that do not change: Name, Config and
// Tokenizer. Its device belongs to the engine; see Exclusive.
func (e *Engine) Model() *model.Pixtral {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.model
}

// nudge makes the loop look at what there is to do.
func (e *Engine) nudge() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}
