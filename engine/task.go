package engine

import (
	"context"
	"sync"
	"time"

	"pixtral-wgpu/model"
)

// A task is a request on its way. The loop adds events, the caller of Generate
// takes them; neither waits for the other.
type task struct {
	ctx    context.Context
	req    Request
	queued time.Time
	signal chan struct{} // holds one if there is something to take

	mu     sync.Mutex
	events []Event
	ended  bool
	reply  *model.Reply
	err    error
}

// add hands an event to the caller.
func (t *task) add(event Event) {
	t.mu.Lock()
	t.events = append(t.events, event)
	t.mu.Unlock()
	t.notify()
}

// end hands the reply to the caller. What comes after it is dropped.
func (t *task) end(reply *model.Reply, err error) {
	t.mu.Lock()
	t.reply, t.err, t.ended = reply, err, true
	t.mu.Unlock()
	t.notify()
}

func (t *task) notify() {
	select {
	case t.signal <- struct{}{}:
	default:
	}
}

// take returns the events since the last take and whether they are the last.
func (t *task) take() ([]Event, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	events := t.events
	t.events = nil
	return events, t.ended
}

// A call is a function that wants the device for itself.
type call struct {
	ctx  context.Context
	f    func(ctx context.Context, p *model.Pixtral) error
	done chan error // holds one
}
