package engine

import (
	"cmp"
	"slices"
)

// enqueue puts a task at the end of the queue.
func (e *Engine) enqueue(t *task) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.closed:
		return ErrClosed
	case e.down:
		return e.lost
	case len(e.waiting) >= e.options.Queue:
		e.stats.Refused++
		return ErrBusy
	}
	e.waiting = append(e.waiting, t)
	e.nudge()
	return nil
}

// next takes a task out of the queue: the first of a client with the fewest
// running, of those the one whose last turn is longest ago, so that nobody's many
// requests keep another's one waiting.
func (e *Engine) next(running []*sequence) *task {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.waiting) == 0 || e.closed {
		return nil
	}
	has := map[string]int{}
	for _, s := range running {
		has[s.req.Client]++
	}
	last := func(t *task) uint64 {
		turn, _ := e.served.Peek(t.req.Client) // 0: it had none
		return turn
	}
	t := slices.MinFunc(e.waiting, func(a, b *task) int {
		return cmp.Or(cmp.Compare(has[a.req.Client], has[b.req.Client]), cmp.Compare(last(a), last(b)))
	})
	e.waiting = slices.DeleteFunc(e.waiting, func(w *task) bool { return w == t })
	e.turns++
	e.served.Add(t.req.Client, e.turns)
	return t
}

// putBack puts a task that was taken out of the queue back at its head.
func (e *Engine) putBack(t *task) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiting = slices.Insert(e.waiting, 0, t)
}

// withdraw takes a task out of the queue, if it is still there.
func (e *Engine) withdraw(t *task) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if i := slices.Index(e.waiting, t); i >= 0 {
		e.waiting = slices.Delete(e.waiting, i, i+1)
		e.stats.Requests++
		e.stats.Cancelled++
		t.end(nil, t.ctx.Err())
	}
}

// refuseAll ends what waits with an error.
func (e *Engine) refuseAll(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range e.waiting {
		e.stats.Requests++
		e.stats.Failed++
		t.end(nil, err)
	}
	for _, c := range e.calls {
		c.done <- err
	}
	e.waiting, e.calls = nil, nil
}

// takeCalls returns the functions that wait for the device.
func (e *Engine) takeCalls() []*call {
	e.mu.Lock()
	defer e.mu.Unlock()
	calls := e.calls
	e.calls = nil
	return calls
}
