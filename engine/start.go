package engine

import (
	"slices"

	"pixtral-wgpu/model"
)

// start starts requests for as long as there is room: first those that had to
// stop, then those of the queue. Who cannot start keeps those behind waiting, so
// that a large request is not overtaken for ever.
func (w *worker) start() {
	for len(w.numbers) > 0 {
		if len(w.paused) > 0 {
			s := w.paused[0]
			if !w.place(s) {
				return
			}
			w.paused = w.paused[1:]
			w.run(s)
			continue
		}
		if w.next == nil {
			t := w.e.next(w.running)
			if t == nil {
				return
			}
			w.next = newSequence(t, w.model, w.pool.Options().Context)
			w.started++
			w.next.order = w.started
		}
		if w.next.ctx.Err() == nil && !w.place(w.next) {
			return
		}
		s := w.next
		w.next = nil
		if err := s.ctx.Err(); err != nil {
			w.end(s, "", err)
			continue
		}
		w.e.count(func(st *Stats) {
			st.PromptTokens += uint64(s.prompt)
			st.CachedTokens += uint64(s.done)
		})
		s.answer.Usage.CachedTokens = s.done
		w.run(s)
	}
}

// run puts a sequence among those that run.
func (w *worker) run(s *sequence) {
	i, _ := slices.BinarySearchFunc(w.running, s, func(a, b *sequence) int { return int(a.order) - int(b.order) })
	w.running = slices.Insert(w.running, i, s)
}

// place gives a sequence pages for all that it has to evaluate, and a number. It
// prefers the cache that holds most of its beginning.
func (w *worker) place(s *sequence) bool {
	best, most, room := -1, 0, 0
	for i, c := range w.caches {
		if len(c.list) < pagesFor(s.most) {
			continue // it would not have room even alone
		}
		found := w.match(c, s)
		idle := 0
		for _, n := range found {
			if c.list[n].holders == 0 {
				idle++
			}
		}
		spare := c.available() - idle - (pagesFor(len(s.places)) - len(found)) - w.reserve(i)
		if spare >= 0 && (best < 0 || len(found) > most || len(found) == most && spare > room) {
			best, most, room = i, len(found), spare
		}
	}
	if best < 0 {
		return false
	}
	c := w.caches[best]
	s.cache, s.pages = best, w.match(c, s)
	for _, n := range s.pages {
		c.hold(n)
		s.stepped = s.stepped || c.list[n].stepped
	}
	s.named, s.done = len(s.pages), len(s.pages)*model.Page
	for len(s.pages) < pagesFor(len(s.places)) {
		n, _ := c.take() // there are so many: place has counted
		s.pages = append(s.pages, n)
	}
	s.number, w.numbers = w.numbers[0], w.numbers[1:]
	return true
}

// match returns the pages that hold the beginning of a sequence's prompt. Its
// last position is always evaluated: its logits are wanted.
func (w *worker) match(c *pages, s *sequence) (found []uint32) {
	for _, k := range s.keys[:(s.prompt-1)/model.Page] {
		n, ok := c.find(k, w.e.options.Exact)
		if !ok {
			break
		}
		found = append(found, n)
	}
	return found
}

// reserve returns how many pages of a cache are kept for those that run in it:
// each will want one soon.
func (w *worker) reserve(cache int) (n int) {
	for _, s := range w.running {
		if s.cache == cache {
			n++
		}
	}
	return n
}

// grow sees to it that a sequence has pages up to a position. If there are none
// left, those in its cache that started last stop and give theirs back; if it is
// the last itself, it stops, and grow returns false.
func (w *worker) grow(s *sequence, to int) bool {
	for !w.room(s, to) {
		if w.pause(s.cache) == s {
			return false
		}
	}
	return true
}

// room sees to it that a sequence has pages up to a position, if there are any.
func (w *worker) room(s *sequence, to int) bool {
	for len(s.pages) < pagesFor(to) {
		n, ok := w.caches[s.cache].take()
		if !ok {
			return false
		}
		s.pages = append(s.pages, n)
	}
	return true
}

// pause stops the sequence of a cache that started last; it begins again when
// there is room, from its prompt and its answer so far.
func (w *worker) pause(cache int) *sequence {
	for i := len(w.running) - 1; i >= 0; i-- {
		s := w.running[i]
		if s.cache != cache {
			continue
		}
		w.running = slices.Delete(w.running, i, i+1)
		w.release(s)
		at, _ := slices.BinarySearchFunc(w.paused, s, func(a, b *sequence) int { return int(a.order) - int(b.order) })
		w.paused = slices.Insert(w.paused, at, s)
		w.e.count(func(st *Stats) { st.Paused++ })
		return s
	}
	return nil
}

func pagesFor(positions int) int { return (positions + model.Page - 1) / model.Page }
