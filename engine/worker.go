package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
)

// A worker is what the loop's goroutine works with: the device, the pool and
// the requests that run. Nobody else touches it.
type worker struct {
	e      *Engine
	model  *model.Pixtral
	pool   *model.Pool
	caches []*pages
	images *images

	running []*sequence // in the order of their first start
	paused  []*sequence // that had to give their pages back, in the same order
	next    *sequence   // the first of the queue, that there was no room for yet
	numbers []int       // of the pool's sequences, those free
	started uint64
	pace    pace

	ahead    bool     // answers go on ahead of the host
	underway [][]part // passes that do, whose tokens are not known; a part of no sequence was dropped

	encoding time.Duration // images, in this step
}

// newWorker makes the pool and the caches on a model.
func newWorker(e *Engine, p *model.Pixtral) (*worker, error) {
	o, err := e.options.pool(p)
	if err != nil {
		return nil, err
	}
	pool, err := p.NewPool(o)
	if err != nil {
		return nil, err
	}
	w := &worker{e: e, model: p, pool: pool, images: newImages(p, e.options.ImageBytes), pace: newPace(pool.Options().Rows), ahead: goesAhead(p)}
	for _, n := range pool.Caches() {
		w.caches = append(w.caches, newPages(n))
	}
	for n := range pool.Options().Sequences {
		w.numbers = append(w.numbers, n)
	}
	return w, nil
}

// close gives the memory back.
func (w *worker) close() {
	w.images.close()
	w.pool.Close()
}

// busy reports whether there is something to do without a nudge. One nudge may
// stand for many requests, so those that wait count.
func (w *worker) busy() bool {
	return len(w.running)+len(w.paused) > 0 || w.next != nil || w.e.Stats().Waiting > 0
}

// step does a little of everything: it lets go of clients that left, starts
// requests, evaluates some of the prompts and one token of each answer. An error
// is the device's.
func (w *worker) step(ctx context.Context) error {
	w.leave()
	w.start()
	lead := w.mayLead()
	if !lead {
		if err := w.settle(); err != nil {
			return err
		}
	}
	begin, waiting := time.Now(), w.answering()
	w.encoding = 0
	rows, err := w.read(ctx)
	if err != nil {
		return err
	}
	if lead {
		if lead, err = w.lead(ctx); err != nil {
			return err
		}
	}
	if !lead {
		if err := w.advance(ctx); err != nil {
			return err
		}
	}
	if w.encoding == 0 || !w.busy() {
		w.images.rest()
	}
	w.pace.learn(rows, waiting, time.Since(begin)-w.encoding)
	w.report()
	return nil
}

// answering reports whether somebody waits for the next token of an answer.
func (w *worker) answering() bool {
	return slices.ContainsFunc(w.running, func(s *sequence) bool { return !s.reading() })
}

// leave ends the requests whose clients have gone.
func (w *worker) leave() {
	for _, list := range [][]*sequence{w.running, w.paused} {
		for _, s := range slices.Clone(list) {
			if err := s.ctx.Err(); err != nil {
				w.finish(s, "", err)
			}
		}
	}
	if s := w.next; s != nil && s.ctx.Err() != nil {
		w.next = nil
		w.end(s, "", s.ctx.Err())
	}
}

// finish ends a request and gives back what it held.
func (w *worker) finish(s *sequence, reason string, err error) {
	if i := slices.Index(w.running, s); i >= 0 {
		w.running = slices.Delete(w.running, i, i+1)
		w.release(s)
	} else if i := slices.Index(w.paused, s); i >= 0 {
		w.paused = slices.Delete(w.paused, i, i+1)
	}
	w.end(s, reason, err)
}

// release gives back the pages and the number of a sequence.
func (w *worker) release(s *sequence) {
	w.drop(s)
	w.caches[s.cache].drop(s.pages)
	w.numbers = append(w.numbers, s.number)
	s.pages, s.done, s.named, s.stepped = nil, 0, 0, false
}

// end counts a request that is over and hands its reply over.
func (w *worker) end(s *sequence, reason string, err error) {
	w.abandon()
	w.e.count(func(st *Stats) {
		st.Requests++
		switch {
		case s.ctx.Err() != nil:
			st.Cancelled++
		case err != nil:
			st.Failed++
		}
	})
	w.report()
	s.finish(reason, err)
}

// fail ends requests with an error of a pass, unless it is the device that
// failed: then it is returned.
func (w *worker) fail(parts []part, err error) error {
	var lost *gpu.DeviceLostError
	if errors.As(err, &lost) || w.e.ctx.Err() != nil {
		return err
	}
	for _, p := range parts {
		if p.s != nil {
			w.finish(p.s, "", err)
		}
	}
	return nil
}

// report writes down how full everything is.
func (w *worker) report() {
	used := 0
	for _, c := range w.caches {
		used += c.held() * model.Page
	}
	w.e.count(func(st *Stats) {
		st.Running, st.KVUsed = len(w.running)+len(w.paused), used
		st.held = 0
		if w.next != nil {
			st.held = 1
		}
	})
}
