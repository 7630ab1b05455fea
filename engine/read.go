package engine

import (
	"context"
	"slices"
	"time"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
)

// A part is so many positions of a sequence in a pass.
type part struct {
	s    *sequence
	n    int
	want bool // what follows the last of them
}

func (p part) piece(rows map[[32]byte]gpu.Tensor) model.Piece {
	piece := model.Piece{
		Sequence: p.s.number, Cache: p.s.cache, Pages: p.s.pages,
		First: p.s.done, Places: p.s.places[p.s.done : p.s.done+p.n], Images: rows,
	}
	if p.want {
		piece.Want = 1
	}
	return piece
}

// read evaluates some of the prompts, in the order in which they came, and picks
// the first token of those that are done. It returns how many positions it
// evaluated.
func (w *worker) read(ctx context.Context) (rows int, err error) {
	parts, images, err := w.plan(ctx)
	if err != nil || len(parts) == 0 {
		return 0, err
	}
	for _, p := range parts {
		rows += p.n
	}
	return rows, w.pass(ctx, parts, images, w.pool.Read)
}

// advance evaluates the last token of each answer and picks the next.
func (w *worker) advance(ctx context.Context) error {
	var parts []part
	for _, s := range slices.Clone(w.running) {
		if s.reading() || !slices.Contains(w.running, s) {
			continue
		}
		n := min(len(s.places)-s.done, model.Page) // more than one if it had to stop
		if w.grow(s, s.done+n) {
			parts = append(parts, part{s, n, s.done+n == len(s.places)})
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return w.pass(ctx, fitting(parts, w.pool.Options().Rows), nil, w.pool.Step)
}

// fitting returns as many of the parts as a pass has rows for.
func fitting(parts []part, rows int) []part {
	for i := range parts {
		parts[i].n, rows = min(parts[i].n, rows), rows-min(parts[i].n, rows)
		parts[i].want = parts[i].s.done+parts[i].n == len(parts[i].s.places)
		if parts[i].n == 0 {
			return parts[:i]
		}
	}
	return parts
}

// pass runs parts and picks what follows those that want it. Those for which the
// host picks come first, so that only their logits are copied.
func (w *worker) pass(ctx context.Context, parts []part, images map[[32]byte]gpu.Tensor, run func(context.Context, []model.Piece) error) error {
	slices.SortStableFunc(parts, func(a, b part) int { return a.rank() - b.rank() })
	pieces := make([]model.Piece, len(parts))
	for i, p := range parts {
		pieces[i] = p.piece(images)
	}
	if err := run(ctx, pieces); err != nil {
		return w.fail(parts, err)
	}
	for _, p := range parts {
		p.s.done += p.n
		w.name(p.s)
	}
	return w.choose(parts)
}

// rank orders the parts of a pass: by who picks, then by cache.
func (p part) rank() int {
	if p.want && !p.s.likeliest() {
		return p.s.cache
	}
	return p.s.cache + 1<<20
}

// plan says what of the prompts comes next: as much as the pace allows.
func (w *worker) plan(ctx context.Context) (parts []part, images map[[32]byte]gpu.Tensor, err error) {
	type pending struct {
		cache int
		key   key
	}
	coming := map[pending]bool{} // pages that this pass fills
	images = map[[32]byte]gpu.Tensor{}
	room := w.pace.rows(w.answering())
	for _, s := range slices.Clone(w.running) {
		if room == 0 {
			break
		}
		if !s.reading() {
			continue
		}
		w.skip(s)
		page := s.done / model.Page
		if s.done%model.Page == 0 && page < len(s.keys) && coming[pending{s.cache, s.keys[page]}] {
			continue // it will find the page next time
		}
		n, err := w.see(ctx, s, min(s.prompt-s.done, room), images)
		if err != nil {
			if err := w.fail([]part{{s: s}}, err); err != nil {
				return nil, nil, err
			}
			continue
		}
		if n == 0 {
			continue
		}
		for ; page < min(len(s.keys), pagesFor(s.done+n)); page++ {
			coming[pending{s.cache, s.keys[page]}] = true
		}
		parts = append(parts, part{s, n, s.done+n == len(s.places)})
		room -= n
	}
	return parts, images, nil
}

// skip passes over what another has evaluated since the sequence started.
func (w *worker) skip(s *sequence) {
	c := w.caches[s.cache]
	for s.done%model.Page == 0 && s.done/model.Page < (s.prompt-1)/model.Page {
		i := s.done / model.Page
		n, ok := c.find(s.keys[i], w.e.options.Exact)
		if !ok {
			return
		}
		c.hold(n)
		c.drop(s.pages[i : i+1])
		s.pages[i], s.named, s.done = n, i+1, s.done+model.Page
		s.stepped = s.stepped || c.list[n].stepped
		if len(s.answer.Tokens) == 0 {
			s.answer.Usage.CachedTokens += model.Page
			w.e.count(func(st *Stats) { st.CachedTokens += model.Page })
		}
	}
}

// see gets the rows of the images in the next n places, and returns how many of
// the places have theirs: between two steps images are encoded for as long as
// patience allows.
func (w *worker) see(ctx context.Context, s *sequence, n int, rows map[[32]byte]gpu.Tensor) (int, error) {
	for i, place := range s.places[s.done : s.done+n] {
		hash := place.Image
		if _, ok := rows[hash]; ok || hash == ([32]byte{}) {
			continue
		}
		t, ok := w.images.find(hash)
		if !ok && w.encoding <= patience {
			if err := w.encode(ctx, s, hash, rows); err != nil {
				return 0, err
			}
			t, ok = w.images.find(hash)
		}
		if !ok { // it goes on after the next step
			return i, nil
		}
		rows[hash] = t
	}
	return n, nil
}

// encode runs an image of a sequence through the encoder, small ones that are wanted
// too beside it: at once, or if somebody waits for the next token of an answer, as
// many layers as patience allows. It stops when the client leaves.
func (w *worker) encode(ctx context.Context, s *sequence, hash [32]byte, held map[[32]byte]gpu.Tensor) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	wanted := map[[32]byte]bool{}
	for h := range held {
		wanted[h] = true
	}
	list := w.images.under(hash)
	if list == nil {
		list = w.unseen(s)
		list = list[:model.Together(list)]
	}
	layers, begin, before := w.model.Config.VisionEncoder.Layers, time.Now(), w.encoding
	if w.answering() {
		layers = 1
	}
	for {
		done, err := w.images.encode(ctx, list, layers, wanted)
		for _, img := range done {
			w.owner(s, img).encoded++
		}
		w.encoding = before + time.Since(begin)
		if err != nil && s.ctx.Err() != nil {
			err = s.ctx.Err() // why the client left: its time may have been over
		}
		if err != nil || done != nil || w.encoding > patience {
			return err
		}
	}
}

// unseen returns images that must be encoded: those that a sequence comes to, then
// those of others.
func (w *worker) unseen(s *sequence) (list []*pixels.Patches) {
	for _, s := range append([]*sequence{s}, w.running...) {
		for _, img := range s.unread() {
			if _, seen := w.images.find(img.Hash); !seen && !slices.ContainsFunc(list, func(o *pixels.Patches) bool { return o.Hash == img.Hash }) {
				list = append(list, img)
			}
		}
	}
	return list
}

// abandon gives up the images that are under way if nobody comes to one of them.
func (w *worker) abandon() {
	if w.images.underway == nil {
		return
	}
	for _, s := range w.running {
		if slices.ContainsFunc(s.unread(), func(img *pixels.Patches) bool { return w.images.under(img.Hash) != nil }) {
			return
		}
	}
	w.images.giveUp()
}

// owner returns a sequence that an image belongs to, the one named if it does.
func (w *worker) owner(s *sequence, img *pixels.Patches) *sequence {
	if i := slices.IndexFunc(w.running, func(o *sequence) bool { return o.image(img.Hash) != nil }); s.image(img.Hash) == nil && i >= 0 {
		return w.running[i]
	}
	return s
}

// name names the pages that a sequence has filled.
func (w *worker) name(s *sequence) {
	for ; s.named < min(s.done/model.Page, len(s.keys)); s.named++ {
		end := (s.named + 1) * model.Page
		w.caches[s.cache].name(s.pages[s.named], s.keys[s.named], s.stepped || end > s.prompt)
	}
}
