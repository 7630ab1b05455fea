package gpu

import (
	"slices"
	"time"
)

// Submissions aim at a tenth of a second: watchdogs reset a GPU after 2 s
// (Windows TDR), a desktop stutters long before, and cancelling waits for one.
const targetTime = 100 * time.Millisecond

// A pace finds how much work a submission may hold. Work is counted in
// multiply-adds as the dispatches state it, a guess that differs by kernel; the
// budget follows what submissions really took.
type pace struct {
	budget   float64 // work in a submission
	work     float64 // of the last submission
	inFlight []uint64
	last     time.Time // when the last wait ended
}

func newPace() pace { return pace{budget: 20e6} } // below 100 ms even on a software adapter

func (p *pace) submitted(i uint64) {
	if len(p.inFlight) == 0 {
		p.last = time.Now()
	}
	p.inFlight = append(p.inFlight, i)
}

func (p *pace) drained(now time.Time) {
	p.inFlight = p.inFlight[:0]
	p.last = now
}

// arrived takes note that a submission, and those before it, were waited for.
func (p *pace) arrived(index uint64) {
	n := 0
	for n < len(p.inFlight) && p.inFlight[n] <= index {
		n++
	}
	p.inFlight, p.last = slices.Delete(p.inFlight, 0, n), time.Now()
}

// wait blocks until at most keep submissions are in flight, and learns from
// how long that took. await waits for one.
func (p *pace) wait(await func(*uint64), keep int) {
	for len(p.inFlight) > keep {
		await(&p.inFlight[0])
		now := time.Now()
		p.learn(now.Sub(p.last))
		p.inFlight, p.last = slices.Delete(p.inFlight, 0, 1), now
	}
}

// learn adapts the budget to a submission that took t.
func (p *pace) learn(t time.Duration) {
	if p.work < p.budget/4 {
		return // too small to tell
	}
	ratio := float64(targetTime) / float64(max(t, time.Millisecond))
	p.budget *= min(max(ratio, 0.25), 2)
	p.budget = min(max(p.budget, 1e6), 1e15)
}
