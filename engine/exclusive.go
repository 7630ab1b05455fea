package engine

import (
	"context"

	"pixtral-wgpu/model"
)

// Exclusive runs f between steps, alone on the device, and returns its error.
// Requests wait meanwhile. f must give back what it makes on the device.
func (e *Engine) Exclusive(ctx context.Context, f func(ctx context.Context, p *model.Pixtral) error) error {
	c := &call{ctx: ctx, f: f, done: make(chan error, 1)}
	e.mu.Lock()
	switch {
	case e.closed:
		e.mu.Unlock()
		return ErrClosed
	case e.down:
		defer e.mu.Unlock()
		return e.lost
	}
	e.calls = append(e.calls, c)
	e.mu.Unlock()
	e.nudge()
	return <-c.done // the loop answers every call, those whose context is done too
}
