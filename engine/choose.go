package engine

import (
	"runtime"
	"slices"
	"sync"
	"time"

	"pixtral-wgpu/model"
)

// choose picks the tokens that follow the parts that want one, in the order of
// the pass, and hands them over.
func (w *worker) choose(parts []part) error {
	parts = slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return !p.want })
	if len(parts) == 0 {
		return nil
	}
	onHost := 0
	for onHost < len(parts) && !parts[onHost].s.likeliest() {
		onHost++
	}
	events, errs := make([]Event, len(parts)), make([]error, len(parts))
	if onHost > 0 {
		if err := w.pick(parts[:onHost], events, errs); err != nil {
			return w.fail(parts, err)
		}
	}
	if onHost < len(parts) {
		best, err := w.pool.Best()
		if err != nil {
			return w.fail(parts, err)
		}
		for i := onHost; i < len(parts); i++ {
			events[i] = Event{Token: best[i]}
		}
	}
	now := time.Now()
	for i, p := range parts {
		w.give(p.s, events[i], errs[i], now)
	}
	return nil
}

// give makes an event part of an answer, which may end with it.
func (w *worker) give(s *sequence, event Event, err error, now time.Time) {
	if err != nil {
		w.finish(s, "", err)
		return
	}
	s.unsure = false
	w.e.count(func(st *Stats) { s.count(st, now) })
	made := len(s.answer.Tokens)
	reason := s.accept(event, w.model.Tokenizer)
	w.e.count(func(st *Stats) { st.CompletionTokens += uint64(len(s.answer.Tokens) - made) })
	if reason != "" {
		w.finish(s, reason, nil)
	}
}

// pick picks what follows parts, by shortlists where these tell, or else by all
// logits.
func (w *worker) pick(parts []part, events []Event, errs []error) error {
	told, open := make([]bool, len(parts)), len(parts)
	if heats, wanted := temperatures(parts); wanted && w.pool.Lists() {
		lists, err := w.pool.Shortlists(heats)
		if err != nil {
			return err
		}
		for i, p := range parts {
			if heats[i] == 0 {
				continue
			}
			if events[i].Token, told[i] = p.s.picker.PickListed(lists[i]); told[i] {
				open--
			}
		}
	}
	if open == 0 {
		return nil
	}
	logits, err := w.pool.Logits(len(parts))
	if err != nil {
		return err
	}
	each(len(parts), func(i int) {
		if !told[i] {
			events[i], errs[i] = pick(parts[i].s, logits[i])
		}
	})
	return nil
}

// temperatures returns those of parts for which a shortlist may tell what follows,
// 0 for others, and whether there are any.
func temperatures(parts []part) (heats []float64, any bool) {
	for _, p := range parts {
		heat, ok := p.s.picker.Listed()
		if !ok || p.s.req.Allow != nil || p.s.req.LogProbs {
			heat = 0
		}
		heats, any = append(heats, heat), any || heat > 0
	}
	return heats, any
}

// pick picks the token that follows by its logits, which it changes.
func pick(s *sequence, logits []float32) (Event, error) {
	raw := logits
	if s.req.LogProbs {
		raw = slices.Clone(logits) // the picker changes them
	}
	var allowed []bool
	if s.req.Allow != nil {
		allowed = make([]bool, len(logits))
		s.req.Allow.Mask(allowed)
	}
	tok, err := s.picker.Pick(logits, allowed)
	event := Event{Token: tok}
	if err == nil && s.req.LogProbs {
		event.LogProb, event.Top = model.LogProbs(raw, tok, s.req.TopLogProbs)
	}
	return event, err
}

// each calls f with 0 to n-1, on all processors.
func each(n int, f func(i int)) {
	var all sync.WaitGroup
	gate := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range n {
		gate <- struct{}{}
		all.Go(func() {
			f(i)
			<-gate
		})
	}
	all.Wait()
}
