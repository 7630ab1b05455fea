package model

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
)

// Picks reports whether the device may pick as a picker does.
func (l *Pool) Picks(p *Picker) bool { return l.decoder.picks(p) }

func (d *decoder) picks(p *Picker) bool {
	_, listed := p.Listed()
	return p.Likeliest() || listed && d.listing()
}

// Ahead evaluates a position of each of several answers as Step does, and has the
// device pick what follows, which Picked tells. Row i's token is the one that is
// picked for row fed[i] of the pass under way, which the host does not know, or its
// own if fed[i] is -1. Pickers that draw come before those that take the likeliest.
// Two passes may be under way at once.
func (l *Pool) Ahead(ctx context.Context, pieces []Piece, fed []int, pickers []*Picker) error {
	d, n := l.decoder, len(pieces)
	if len(fed) != n || len(pickers) != n || len(d.underway) == 2 {
		return fmt.Errorf("model: %d rows ahead, with %d tokens and %d pickers, behind %d passes", n, len(fed), len(pickers), len(d.underway))
	}
	boxes, err := d.mailboxes(l.p.dev)
	if err != nil {
		return err
	}
	b, err := d.lay(pieces, true)
	if err != nil {
		return err
	}
	rows := 0 // of the pass under way
	if len(d.underway) > 0 {
		rows = d.underway[0].rows
	}
	if len(b.tokens) != n || len(b.wanted) != n {
		return fmt.Errorf("model: %d pieces of %d rows go ahead, and %d of those want logits; each must be one row that does", n, len(b.tokens), len(b.wanted))
	}
	for i, p := range pickers {
		if !d.picks(p) || !p.Likeliest() && len(b.lots) < i || fed[i] >= rows {
			return fmt.Errorf("model: row %d of %d cannot go ahead, behind %d rows", i, n, rows)
		}
		b.lots = p.lots(b.lots, min(1, fed[i]+1)) // a fed token has its draw before
	}
	b.fed, b.box = append(b.fed, fed...), boxes[d.turn]
	r := d.recorder(l.p.dev)
	r.Tap, r.Clock = l.Tap, l.Clock
	if err := d.forward(ctx, r, l.p, b); err != nil {
		return err
	}
	d.underway, d.turn = append(d.underway, underway{b.box, n, len(b.lots)}), 1-d.turn
	return nil
}

// underway is a pass whose tokens the device picks.
type underway struct {
	box         *gpu.Mailbox
	rows, drawn int
}

// Picked waits for the first of the passes that are under way, and returns the
// tokens that the device picked, until it is called again. Those of the first rows,
// for as many as there are shortlists, it drew about right: the shortlist tells.
func (l *Pool) Picked() (tokens []uint32, lists []Shortlist, err error) {
	d := l.decoder
	if len(d.underway) == 0 {
		return nil, nil, fmt.Errorf("model: no pass is under way")
	}
	first := d.underway[0]
	d.underway = slices.Delete(d.underway, 0, 1)
	words, err := l.p.dev.Take(first.box)
	if err != nil {
		return nil, nil, err
	}
	n := first.drawn * ops.ShortlistWords
	return words[n:], d.list(words[:n]), nil
}

// pick records the choice of the tokens that follow the first n positions that
// wanted logits, and posts it, behind the shortlists of those that are drawn: the
// first ones. The others are the likeliest.
func (d *decoder) pick(r *gpu.Recorder, box *gpu.Mailbox, n, drawn int) {
	v := d.view(n)
	if drawn < n {
		d.likeliest(r, v.picked, v)
	}
	if drawn == 0 {
		r.Post(box, v.picked)
		return
	}
	w := d.view(drawn)
	ops.Shortlist(r, w.short, w.found, w.logits, w.heat)
	ops.ShortlistDraw(r, w.picked, w.short, w.lot)
	r.Post(box, w.short, v.picked)
}

// fed returns the tokens of a pass: the host's, or where fed names a row those that
// the device picked for it.
func (d *decoder) fed(r *gpu.Recorder, v *view, fed []int) gpu.Tensor {
	for from, to := 0, 0; from < len(fed); from = to {
		for to = from + 1; to < len(fed) && fed[from] >= 0 && fed[to] == fed[from]+to-from; to++ {
		}
		if fed[from] == 0 && to-from == v.picked.Len() {
			return v.picked
		}
		if fed[from] >= 0 {
			r.CopyRows(d.tokens, from, d.picked, fed[from], to-from)
		}
	}
	return v.tokens
}

// writeLots tells the device how to draw.
func (d *decoder) writeLots(dev *gpu.Device, lots []ops.Lot) error {
	if len(lots) == 0 {
		return nil
	}
	d.heats, d.bytes = d.heats[:0], d.bytes[:0]
	for _, l := range lots {
		d.heats = append(d.heats, l.Heat)
		for _, v := range [ops.LotWords]float32{l.Heat, l.At, l.TopP, l.MinP, l.TopK} {
			d.bytes = binary.LittleEndian.AppendUint32(d.bytes, math.Float32bits(v))
		}
	}
	if err := d.warm(dev); err != nil {
		return err
	}
	return dev.Write(d.lot, 0, d.bytes)
}

// likeliest records the tokens of the greatest logits.
func (d *decoder) likeliest(r *gpu.Recorder, y gpu.Tensor, v *view) {
	if d.listing() {
		ops.ArgmaxBy(r, y, v.logits, v.parts)
	} else {
		ops.Argmax(r, y, v.logits)
	}
}

// mailboxes returns two for the passes that are under way at once, and one for
// whoever asks between them.
func (d *decoder) mailboxes(dev *gpu.Device) ([3]*gpu.Mailbox, error) {
	for i, m := range d.boxes {
		if m != nil {
			continue
		}
		words := d.picked.Len()
		if d.listing() {
			words += d.short.Len()
		}
		m, err := dev.NewMailbox("picked tokens", words)
		if err != nil {
			return d.boxes, err
		}
		d.boxes[i] = m
	}
	return d.boxes, nil
}
