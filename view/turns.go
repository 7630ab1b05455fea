package view

import (
	"sync"
	"sync/atomic"
	"time"
)

// Turns is the lock of the device, which the work and the window take in turns.
// The work holds it for a step at a time and wants it back at once; a mutex
// alone would rarely let the window in.
type turns struct {
	sync.Mutex
	wanted atomic.Bool   // by a frame
	drawn  chan struct{} // the frame is done
}

func newTurns() turns { return turns{drawn: make(chan struct{}, 1)} }

const (
	soon    = 8 * time.Millisecond  // that a frame waits for a step
	between = 25 * time.Millisecond // that a step waits for a frame: one and a half of the screen's
)

// lockSoon locks for a frame if that is possible within a moment; if not, the
// next step waits until the frame was drawn.
func (t *turns) lockSoon() bool {
	t.wanted.Store(true)
	for end := time.Now().Add(soon); ; time.Sleep(soon / 16) {
		if t.TryLock() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// done unlocks after a frame.
func (t *turns) done() {
	t.wanted.Store(false)
	t.Unlock()
	select {
	case t.drawn <- struct{}{}:
	default:
	}
}

// yield lets a frame that waits be drawn. The work calls it between two steps,
// unlocked.
func (t *turns) yield() {
	select {
	case <-t.drawn: // one that nobody waited for
	default:
	}
	if t.wanted.Load() {
		select {
		case <-t.drawn:
		case <-time.After(between):
		}
	}
}
