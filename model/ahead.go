package model

import (
	"context"
	"encoding/binary"
	"math"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/tokenizer"
)

// The device picks a token itself and feeds it to the next pass, which is
// submitted before the host has seen the token: it never waits for the host. The
// likeliest it knows; what it draws is a guess that the host checks, and a pass
// that began with a wrong one is dropped. So is the pass after the end of an
// answer, which is known one pass too late.

// ahead reports whether an answer may go on so. A software adapter computes on
// the host's own cores: there it would gain nothing, and lose a pass an answer.
func (s *Session) ahead(picker *Picker) bool {
	_, listed := picker.Listed()
	return (picker.Likeliest() || listed && s.decoder.listing()) && s.Tap == nil && s.Clock == nil && !s.options.AllLogits &&
		(aheadAnywhere || !s.p.dev.Info.Software())
}

var aheadAnywhere bool // for tests

// generateAhead is generate for tokens that the device picks.
func (s *Session) generateAhead(ctx context.Context, picker *Picker, most int, yield func(tokenizer.Token) bool) (string, error) {
	boxes, err := s.decoder.mailboxes(s.p.dev)
	if err != nil {
		return "", err
	}
	if err := s.begin(boxes[0], picker); err != nil {
		return "", err
	}
	for n := 1; ; n++ {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		more := n != most && s.Len() < s.Context()
		s.elsewhere = more // until the token is known to be part of the answer
		if more {
			if err := s.follow(ctx, boxes[n%2], picker); err != nil {
				return "", err
			}
		}
		tok, guessed, err := s.arrive(boxes[(n-1)%2], picker)
		switch {
		case err != nil:
			return "", err
		case s.p.Tokenizer != nil && s.p.Tokenizer.Ends(tok), !yield(tok):
			return Stopped, nil
		case !more:
			return Full, nil
		}
		picker.Accept(tok)
		if guessed {
			s.held = append(s.held, Place{Token: tok})
			continue
		}
		if err := s.Step(ctx, tok); err != nil {
			return "", err
		}
		if err := s.begin(boxes[n%2], picker); err != nil {
			return "", err
		}
	}
}

// begin has the device pick what follows the session's last position.
func (s *Session) begin(box *gpu.Mailbox, picker *Picker) error {
	if _, err := s.last(); err != nil {
		return err
	}
	d := s.decoder
	drawn := !picker.Likeliest()
	if drawn {
		if err := d.writeLot(s.p.dev, picker.lot(0)); err != nil {
			return err
		}
	}
	r := d.recorder(s.p.dev)
	d.pick(r, box, drawn)
	return r.Submit()
}

// follow submits the pass of the token that the device picked last, and picks
// the one after it.
func (s *Session) follow(ctx context.Context, box *gpu.Mailbox, picker *Picker) error {
	s.piece[0] = Piece{Pages: s.pages, First: len(s.held), Places: unknown, Want: 1}
	b, err := s.decoder.lay(s.piece[:], true)
	if err != nil {
		return err
	}
	b.picked, b.box = true, box
	if b.drawn = !picker.Likeliest(); b.drawn {
		b.lot = picker.lot(1)
	}
	return s.decoder.forward(ctx, s.decoder.recorder(s.p.dev), s.p, b)
}

// arrive waits for a token that the device picked, and returns the one that is
// right and whether they are the same.
func (s *Session) arrive(box *gpu.Mailbox, picker *Picker) (tok tokenizer.Token, guessed bool, err error) {
	words, err := s.p.dev.Take(box)
	if err != nil {
		return 0, false, err
	}
	guess := tokenizer.Token(words[len(words)-1])
	if picker.Likeliest() {
		return guess, true, nil
	}
	if tok, ok := picker.PickListed(newShortlist(words[:ops.ShortlistWords])); ok {
		return tok, tok == guess, nil
	}
	logits, err := s.Logits() // of the position that the device has left, once more
	if err != nil {
		return 0, false, err
	}
	tok, err = picker.Pick(logits, nil)
	return tok, false, err
}

// unknown is a token that only the device knows.
var unknown = []Place{{}}

// pick records the choice of a token by the logits of one row, and posts it, after
// the shortlist if it is drawn of one.
func (d *decoder) pick(r *gpu.Recorder, box *gpu.Mailbox, drawn bool) {
	v := d.view(1)
	if drawn {
		ops.Shortlist(r, v.short, v.found, v.logits, v.heat)
		ops.ShortlistDraw(r, d.picked, v.short, d.lot)
		r.Post(box, v.short, d.picked)
		return
	}
	d.likeliest(r, d.picked, v)
	r.Post(box, d.picked)
}

// writeLot tells the device how to draw.
func (d *decoder) writeLot(dev *gpu.Device, l ops.Lot) error {
	d.heats = append(d.heats[:0], l.Heat)
	if err := d.warm(dev); err != nil {
		return err
	}
	d.bytes = d.bytes[:0]
	for _, v := range []float32{l.Heat, l.At, l.TopP, l.MinP, l.TopK, 0, 0, 0} {
		d.bytes = binary.LittleEndian.AppendUint32(d.bytes, math.Float32bits(v))
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
		words := d.best.Len()
		if d.listing() {
			words = d.short.Len() + 1
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
