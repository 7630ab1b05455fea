package engine

import (
	"context"
	"slices"
	"time"

	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

// Where the device can pick what follows every answer, a pass is submitted before
// the host has seen the tokens of the one before it, and they are read while it
// runs. What an answer that has ended has in such a pass, or one whose token was
// guessed wrong, is dropped. Whatever else comes, part of a prompt, a grammar, a
// penalty, waits until all passes are in, and takes its step alone.

// goesAhead reports whether answers go on ahead of the host on a model's device. A
// software adapter computes on the host's own cores: it would gain nothing, and
// lose what is dropped. Tests have others do it.
var goesAhead = func(p *model.Pixtral) bool { return !p.Device().Software() }

var tooLong = model.AheadMost // tests have none

// mayLead reports whether the device can pick for all that run, and it pays.
func (w *worker) mayLead() bool {
	return w.ahead && w.pace.step < tooLong && !slices.ContainsFunc(w.running, func(s *sequence) bool {
		return s.reading() || s.unsure || s.done+1 != len(s.places) || s.req.Allow != nil || s.req.LogProbs || !w.pool.Picks(s.picker)
	})
}

// lead keeps two passes under way, takes the tokens of the first, and reports
// whether there was one.
func (w *worker) lead(ctx context.Context) (bool, error) {
	for len(w.underway) < 2 {
		if any, err := w.follow(ctx); err != nil {
			return false, err
		} else if !any {
			break
		}
	}
	if len(w.underway) == 0 {
		return false, nil
	}
	return true, w.land()
}

// follow submits a pass for the answers that go on, behind the one whose tokens
// are not known, and reports whether there is one: not if nobody goes on, nor if
// somebody would have to stop for another's page.
func (w *worker) follow(ctx context.Context) (bool, error) {
	var before, parts []part
	if n := len(w.underway); n > 0 {
		before = w.underway[n-1]
	}
	row := func(s *sequence) int { return slices.IndexFunc(before, func(p part) bool { return p.s == s }) }
	for _, s := range w.running {
		if coming := row(s) >= 0; coming && s.full(1) {
			continue
		} else if coming && !w.room(s, len(s.places)+1) || !w.room(s, len(s.places)) {
			return false, nil
		}
		parts = append(parts, part{s, 1, true})
	}
	if len(parts) == 0 {
		return false, nil
	}
	slices.SortStableFunc(parts, func(a, b part) int { return a.rank() - b.rank() })
	pieces, fed, pickers := make([]model.Piece, len(parts)), make([]int, len(parts)), make([]*model.Picker, len(parts))
	for i, p := range parts {
		pieces[i], fed[i], pickers[i] = p.piece(nil), row(p.s), p.s.picker
		if fed[i] >= 0 {
			pieces[i].First, pieces[i].Places = p.s.done+1, unknown
		}
	}
	if err := w.pool.Ahead(ctx, pieces, fed, pickers); err != nil {
		return false, w.fail(parts, err)
	}
	w.underway = append(w.underway, parts)
	return true, nil
}

// unknown is a token that only the device knows.
var unknown = []model.Place{{}}

// land takes the tokens of the first pass that is under way.
func (w *worker) land() error {
	parts := w.underway[0]
	w.underway = slices.Delete(w.underway, 0, 1)
	tokens, lists, err := w.pool.Picked()
	if err != nil {
		return w.fail(parts, err)
	}
	now, dropped := time.Now(), 0
	for i := range parts {
		s := parts[i].s
		if s == nil {
			dropped++
			continue
		}
		tok := tokenizer.Token(tokens[i])
		if i < len(lists) {
			drawn, ok := s.picker.PickListed(lists[i])
			if !ok || drawn != tok {
				w.drop(s)
			}
			if s.unsure = !ok; s.unsure {
				continue // the position is evaluated once more, and all logits are read
			}
			tok = drawn
		}
		s.done++
		w.name(s)
		w.give(s, Event{Token: tok}, nil, now)
	}
	w.e.count(func(st *Stats) {
		st.AheadTokens += uint64(len(parts) - dropped)
		st.DroppedTokens += uint64(dropped)
	})
	return nil
}

// settle takes the tokens of all passes that are under way.
func (w *worker) settle() error {
	for len(w.underway) > 0 {
		if err := w.land(); err != nil {
			return err
		}
	}
	return nil
}

// drop forgets what a sequence has in passes that are under way.
func (w *worker) drop(s *sequence) {
	for _, parts := range w.underway {
		for i := range parts {
			if parts[i].s == s {
				parts[i].s = nil
			}
		}
	}
}
