package engine

import (
	"context"
	"testing"
	"time"

	"pixtral-wgpu/model"
)

// Ahead says whether answers of engines made from now on go on ahead of the host.
func Ahead(t testing.TB, on bool) {
	before, bound := goesAhead, tooLong
	goesAhead, tooLong = func(*model.Pixtral) bool { return on }, time.Hour
	t.Cleanup(func() { goesAhead, tooLong = before, bound })
}

// A Hand is an engine whose steps a test takes by hand.
type Hand struct {
	e *Engine
	w *worker
}

// NewHand makes one.
func NewHand(t testing.TB, p *model.Pixtral, o Options) *Hand {
	e, w, err := prepare(p, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return &Hand{e, w}
}

// Stats are the engine's.
func (h *Hand) Stats() Stats { return h.e.Stats() }

// Step takes a step.
func (h *Hand) Step(ctx context.Context) error { return h.w.step(ctx) }

// Ask queues a request and returns what tells its tokens and why it ended, if it
// has.
func (h *Hand) Ask(ctx context.Context, req Request) (func() (reply *model.Reply, err error, ended bool), error) {
	t := &task{ctx: ctx, req: req, queued: time.Now(), signal: make(chan struct{}, 1)}
	return func() (*model.Reply, error, bool) {
		_, ended := t.take()
		return t.reply, t.err, ended
	}, h.e.enqueue(t)
}

// Doubt takes what the device guessed last for one of the answers as wrong.
func (h *Hand) Doubt(i int) {
	if n := len(h.w.running); n > 0 {
		h.w.drop(h.w.running[i%n])
	}
}

// UnderWay is how many passes are.
func (h *Hand) UnderWay() int { return len(h.w.underway) }

// Patience makes engines do so much between two tokens: nothing that can wait, or all
// there is, so that how many steps something takes does not depend on time.
func Patience(t testing.TB, d time.Duration) {
	before := patience
	patience = d
	t.Cleanup(func() { patience = before })
}

// Encoding is what is under way of images; nil for nothing.
func (h *Hand) Encoding() *model.Encoding { return h.w.images.underway }

// Encoded is how many encoded images are kept.
func (h *Hand) Encoded() int { return len(h.w.images.byHash) }
