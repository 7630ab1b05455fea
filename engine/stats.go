package engine

import "time"

// Stats are the figures of an engine since it was started, for /metrics.
type Stats struct {
	Running, Waiting int // requests now
	Context          int // most tokens of a request

	Requests  uint64 // that were finished, whatever came of them
	Refused   uint64 // by ErrBusy
	Failed    uint64 // by an error other than the client's leaving
	Cancelled uint64
	Paused    uint64 // times that a request had to give its pages to one before it, and begin again
	Restarts  uint64 // the device was lost and opened anew

	PromptTokens     uint64 // evaluated or found in the cache
	CachedTokens     uint64 // of the prompts': found
	CompletionTokens uint64
	AheadTokens      uint64 // of the answers': that the device picked before the host had seen those before
	DroppedTokens    uint64 // that it picked for answers that had ended, or by one that it had guessed wrong
	ImagesEncoded    uint64
	ImagesFound      uint64 // that needed no encoding

	KVUsed, KVTotal int // tokens in the pool of keys and values; those kept for later are not used

	FirstToken Histogram // from the request's arrival, seconds
	InterToken Histogram // from one token of an answer to the next, seconds

	held int // of the queue, taken out but not started
}

// Bounds are the upper bounds of a histogram's buckets, in seconds.
var Bounds = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}

// A Histogram counts durations.
type Histogram struct {
	Counts [16]uint64 // by Bounds; the last holds those beyond; not cumulative
	Sum    float64    // seconds
	Count  uint64
}

func (h *Histogram) add(d time.Duration) {
	i := 0
	for i < len(Bounds) && d.Seconds() > Bounds[i] {
		i++
	}
	h.Counts[i]++
	h.Sum += d.Seconds()
	h.Count++
}

// Stats returns the figures as they are now.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.stats
	s.Waiting = len(e.waiting) + s.held
	return s
}

// count changes the figures.
func (e *Engine) count(f func(s *Stats)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f(&e.stats)
}
