package view

import (
	"testing"
	"time"
)

// Work that wants the device all the time lets frames in between its steps, and
// goes on itself.
func TestTurns(t *testing.T) {
	v := newTurns()
	stop, ended := make(chan struct{}), make(chan int)
	go func() {
		steps := 0
		for {
			select {
			case <-stop:
				ended <- steps
				return
			default:
			}
			v.Lock()
			time.Sleep(2 * time.Millisecond)
			v.Unlock()
			v.yield()
			steps++
		}
	}()
	frames := 0
	for range 100 {
		if v.lockSoon() {
			v.done()
			frames++
		}
		time.Sleep(time.Millisecond)
	}
	close(stop)
	if steps := <-ended; frames < 50 || steps < 50 {
		t.Errorf("%d frames in 100 tries, and %d steps meanwhile", frames, steps)
	}
}
