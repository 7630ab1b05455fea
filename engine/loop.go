package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
)

// loop owns the device until the engine is closed.
func (e *Engine) loop(w *worker) {
	defer close(e.ended)
	for w != nil {
		err := w.work(e.ctx)
		if e.ctx.Err() != nil {
			w.stop(ErrClosed)
			break
		}
		lost := fmt.Errorf("%w (%v)", ErrDeviceLost, err)
		e.setLost(lost, false)
		w.stop(lost)
		w = e.reopen()
	}
	e.refuseAll(ErrClosed)
}

// work steps until the engine is closed or the device is lost, which is its error.
func (w *worker) work(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := w.call(); err != nil {
			return err
		}
		if err := w.step(ctx); err != nil {
			return err
		}
		if w.busy() {
			continue
		}
		select {
		case <-w.e.wake:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

// call runs the functions that want the device for themselves, and returns the
// error of a device that was lost.
func (w *worker) call() (lost error) {
	calls := w.e.takeCalls()
	if len(calls) > 0 {
		lost = w.settle()
	}
	for _, c := range calls {
		err := cmp.Or(lost, c.ctx.Err())
		if err == nil {
			err = c.f(c.ctx, w.model)
		}
		c.done <- err
		if gone := (*gpu.DeviceLostError)(nil); errors.As(err, &gone) {
			lost = err
		}
	}
	return lost
}

// stop ends everything that runs with an error and gives the memory back.
func (w *worker) stop(err error) {
	for _, list := range [][]*sequence{w.running, w.paused} {
		for _, s := range list {
			w.end(s, "", err)
		}
	}
	w.running, w.paused = nil, nil
	if w.next != nil { // it never began: it may wait for the next device
		w.e.putBack(w.next.task)
		w.next = nil
	}
	w.report()
	w.close()
}

const (
	retryFirst = time.Second
	retryMost  = time.Minute
)

// reopen opens device and model anew, again and again until it succeeds. After
// the first failure nobody is kept waiting. It returns nil when the engine is
// closed.
func (e *Engine) reopen() *worker {
	for pause := retryFirst; e.ctx.Err() == nil; pause = min(2*pause, retryMost) {
		w, err := e.openAgain()
		if err == nil {
			e.count(func(st *Stats) { st.Restarts++ })
			e.setLost(nil, false)
			return w
		}
		lost := fmt.Errorf("%w (%v)", ErrDeviceLost, err)
		e.setLost(lost, true)
		e.refuseAll(lost)
		select {
		case <-e.ctx.Done():
		case <-time.After(pause):
		}
	}
	return nil
}

// errNoOpen is why an engine without Options.Open stays as it is.
var errNoOpen = errors.New("nothing opens it anew")

func (e *Engine) openAgain() (*worker, error) {
	if e.options.Open == nil {
		return nil, errNoOpen
	}
	p, err := e.options.Open(e.ctx)
	if err != nil {
		return nil, err
	}
	w, err := newWorker(e, p)
	if err != nil {
		return nil, err
	}
	e.setModel(p)
	return w, nil
}

func (e *Engine) setModel(p *model.Pixtral) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.model = p
}

// setLost says why there is no device, nil if there is one, and whether requests
// are refused for it.
func (e *Engine) setLost(err error, down bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lost, e.down = err, down
}
