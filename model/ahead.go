package model

import (
	"context"
	"time"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/tokenizer"
)

// The device picks a token itself and feeds it to the next pass, which is
// submitted before the host has seen the token: it never waits for the host. The
// likeliest it knows; what it draws is a guess that the host checks, and a pass
// that began with a wrong one is dropped. So is the pass after the end of an
// answer, which is known one pass too late.

// AheadMost is what a pass may take for the next to be submitted before the host
// knows its tokens. A longer one goes to the device in several submissions, all but
// the last of which would hold those tokens back; and there is little to gain.
const AheadMost = 100 * time.Millisecond

// ahead reports whether an answer may go on so. A software adapter computes on
// the host's own cores: there it would gain nothing, and lose a pass an answer.
func (s *Session) ahead(picker *Picker) bool {
	return s.decoder.picks(picker) && s.Tap == nil && s.Clock == nil && !s.options.AllLogits &&
		(aheadAnywhere || !s.p.dev.Software())
}

var aheadAnywhere, aheadMost = false, AheadMost // tests have others

// generateAhead is generate for tokens that the device picks.
func (s *Session) generateAhead(ctx context.Context, picker *Picker, most int, yield func(tokenizer.Token) bool) (string, error) {
	boxes, err := s.decoder.mailboxes(s.p.dev)
	if err != nil {
		return "", err
	}
	if err := s.begin(boxes[0], picker); err != nil {
		return "", err
	}
	start, took := time.Now(), time.Duration(0) // of a token, without what became of it
	for n := 1; ; n++ {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		more := n != most && s.Len() < s.Context()
		quick := more && took < aheadMost
		s.elsewhere = quick // until the token is known to be part of the answer
		if quick {
			if err := s.follow(ctx, boxes[n%2], picker); err != nil {
				return "", err
			}
		}
		tok, guessed, err := s.arrive(boxes[(n-1)%2], picker)
		took = time.Since(start)
		switch {
		case err != nil:
			return "", err
		case s.p.Tokenizer != nil && s.p.Tokenizer.Ends(tok), !yield(tok):
			return Stopped, nil
		case !more:
			return Full, nil
		}
		start = time.Now()
		picker.Accept(tok)
		if quick && guessed {
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
	d.batch.lots = picker.lots(d.batch.lots[:0], 0)
	if err := d.writeLots(s.p.dev, d.batch.lots); err != nil {
		return err
	}
	r := d.recorder(s.p.dev)
	d.pick(r, box, 1, len(d.batch.lots))
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
	b.box, b.fed, b.lots = box, append(b.fed, 0), picker.lots(b.lots, 1)
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
