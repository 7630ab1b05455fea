package engine

import (
	"context"
	"time"

	"pixtral-wgpu/model"
)

// checkup is how long Health waits for the device to say that it is there.
const checkup = time.Second

// Health returns why the engine cannot answer now: ErrDeviceLost until another
// device is open, ErrClosed after Close; nil if it can. A device that nobody uses
// does not say that it is gone, so one is asked; one that works is believed.
func (e *Engine) Health() error {
	if err, idle := e.state(); err != nil || !idle {
		return err
	}
	asked := make(chan error, 1)
	go func() {
		asked <- e.Exclusive(e.ctx, func(_ context.Context, p *model.Pixtral) error { return p.Device().Alive() })
	}()
	select {
	case err := <-asked:
		return err
	case <-time.After(checkup): // something else has begun
		err, _ := e.state()
		return err
	}
}

// state returns why there is no device, and whether nobody uses the one there is.
func (e *Engine) state() (err error, idle bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed, false
	}
	return e.lost, e.stats.Running+e.stats.held+len(e.waiting)+len(e.calls) == 0
}
