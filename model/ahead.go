package model

import (
	"context"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/tokenizer"
)

// The device picks the likeliest token itself and feeds it to the next pass,
// which is submitted before the host has seen the token: it never waits for the
// host. That an answer ends is known a pass too late, and that pass is dropped.

// ahead reports whether an answer may go on so. A software adapter computes on
// the host's own cores: there it would gain nothing, and lose a pass an answer.
func (s *Session) ahead(picker *Picker) bool {
	return picker.Likeliest() && s.Tap == nil && s.Clock == nil && !s.options.AllLogits &&
		(aheadAnywhere || !s.p.dev.Info.Software())
}

var aheadAnywhere bool // for tests

// generateAhead is generate for the likeliest tokens.
func (s *Session) generateAhead(ctx context.Context, most int, yield func(tokenizer.Token) bool) (string, error) {
	if _, err := s.last(); err != nil {
		return "", err
	}
	boxes, err := s.decoder.mailboxes(s.p.dev)
	if err != nil {
		return "", err
	}
	r := s.decoder.recorder(s.p.dev)
	s.decoder.pick(r, boxes[0])
	if err := r.Submit(); err != nil {
		return "", err
	}
	for n := 1; ; n++ {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		more := n != most && s.Len() < s.Context()
		s.elsewhere = more // until the token is known to be part of the answer
		if more {
			if err := s.follow(ctx, boxes[n%2]); err != nil {
				return "", err
			}
		}
		picked, err := s.p.dev.Take(boxes[(n-1)%2])
		if err != nil {
			return "", err
		}
		tok := tokenizer.Token(picked[0])
		switch {
		case s.p.Tokenizer != nil && s.p.Tokenizer.Ends(tok), !yield(tok):
			return Stopped, nil
		case !more:
			return Full, nil
		}
		s.held = append(s.held, Place{Token: tok})
	}
}

// follow submits the pass of the token that the device picked last, and picks
// the one after it.
func (s *Session) follow(ctx context.Context, box *gpu.Mailbox) error {
	s.piece[0] = Piece{Pages: s.pages, First: len(s.held), Places: unknown, Want: 1}
	b, err := s.decoder.lay(s.piece[:], true)
	if err != nil {
		return err
	}
	b.picked, b.box = true, box
	return s.decoder.forward(ctx, s.decoder.recorder(s.p.dev), s.p, b)
}

// unknown is a token that only the device knows.
var unknown = []Place{{}}

// pick records the choice of the likeliest token by the logits of one row, and
// posts it.
func (d *decoder) pick(r *gpu.Recorder, box *gpu.Mailbox) {
	d.likeliest(r, d.picked, d.view(1))
	r.Post(box, d.picked)
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
		words := d.best.Len()
		if d.listing() {
			words = d.short.Len()
		}
		m, err := dev.NewMailbox("picked tokens", words)
		if err != nil {
			return d.boxes, err
		}
		d.boxes[i] = m
	}
	return d.boxes, nil
}

// recorder returns the one that passes are recorded with.
func (d *decoder) recorder(dev *gpu.Device) *gpu.Recorder {
	if d.rec == nil {
		d.rec = dev.Record()
	}
	d.rec.Tap, d.rec.Clock, d.rec.Context = nil, nil, nil
	return d.rec
}

// free gives back what is not the arena's.
func (d *decoder) free(dev *gpu.Device) {
	for _, m := range d.boxes {
		dev.FreeMailbox(m)
	}
}
