package engine

import (
	"time"

	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/tokenizer"
)

// A sequence is a request that runs: where it lies in the pool, and its answer
// so far.
type sequence struct {
	*task
	order  uint64 // of its first start; who came first is served first
	places []model.Place
	prompt int   // of places, those of the prompt; the others are the answer's
	most   int   // positions that it may reach
	keys   []key // of the pages that places fill

	number  int // in the pool
	cache   int
	pages   []uint32
	done    int  // positions evaluated
	named   int  // pages named or found
	stepped bool // some page found rests on tokens of an answer
	encoded int  // images that were encoded for it
	unsure  bool // the device could not tell what follows

	picker      *model.Picker
	writer      *model.Writer
	piece       string // what the writer gave
	answer      model.Reply
	first, last time.Time // tokens
}

// newSequence makes the sequence of a task.
func newSequence(t *task, p *model.Pixtral, context int) *sequence {
	s := &sequence{
		task: t, places: p.Config.Places(t.req.Prompt), prompt: len(t.req.Prompt.Tokens), most: context,
		picker: t.req.Sampler.Picker(t.req.Prompt.Tokens), last: t.queued,
	}
	if n := t.req.MaxTokens; n > 0 {
		s.most = min(context, s.prompt+n)
	}
	s.writer = p.NewWriter(t.req.Stop, func(piece string) error { s.piece += piece; return nil })
	s.answer.Usage = model.Usage{PromptTokens: s.prompt, ImageTokens: t.req.Prompt.ImageTokens()}
	s.fillKeys()
	return s
}

// fillKeys makes the keys of pages that became full.
func (s *sequence) fillKeys() {
	for n := len(s.keys); (n+1)*model.Page <= len(s.places); n++ {
		var before key
		if n > 0 {
			before = s.keys[n-1]
		}
		s.keys = append(s.keys, before.next(s.places[n*model.Page:(n+1)*model.Page]))
	}
}

// image returns the image of the prompt with a hash, nil if there is none.
func (s *sequence) image(hash [32]byte) *pixels.Patches {
	for _, img := range s.req.Prompt.Images {
		if img.Hash == hash {
			return img
		}
	}
	return nil
}

// unread returns the images of what is to be evaluated of the prompt, in order.
func (s *sequence) unread() (list []*pixels.Patches) {
	last := [32]byte{} // between rows of an image there is text
	for _, place := range s.places[min(s.done, s.prompt):s.prompt] {
		if place.Image != last && place.Image != ([32]byte{}) {
			last = place.Image
			list = append(list, s.image(last))
		}
	}
	return list
}

// reading reports whether some of the prompt is still to be evaluated.
func (s *sequence) reading() bool { return s.done < s.prompt }

// likeliest reports whether the device may pick the next token.
func (s *sequence) likeliest() bool {
	return s.picker.Likeliest() && s.req.Allow == nil && !s.req.LogProbs
}

// accept makes tok the next of the answer and returns why the answer ends with
// it, "" if it does not.
func (s *sequence) accept(event Event, tokens tokenizer.Tokenizer) (reason string) {
	tok := event.Token
	if tokens != nil && tokens.Ends(tok) {
		return model.Stopped
	}
	s.picker.Accept(tok)
	if s.req.Allow != nil {
		s.req.Allow.Accept(tok)
	}
	s.answer.Tokens = append(s.answer.Tokens, tok)
	s.places = append(s.places, model.Place{Token: tok})
	s.fillKeys()
	s.piece = ""
	more := s.writer.Write(tok)
	event.Text = s.piece
	s.add(event)
	switch {
	case !more || s.req.Allow != nil && s.req.Allow.Done():
		return model.Stopped
	case s.full(0):
		return model.Full
	}
	return ""
}

// full reports whether the answer ends by its bound, or will with so many tokens
// more.
func (s *sequence) full(more int) bool {
	return len(s.answer.Tokens)+more == s.req.MaxTokens || len(s.places)+more > s.most
}

// finish hands the reply over.
func (s *sequence) finish(reason string, err error) {
	s.piece = ""
	s.answer.Text, s.answer.FinishReason = s.writer.End(), reason
	if s.piece != "" {
		s.add(Event{Token: NoToken, Text: s.piece})
	}
	s.answer.Usage.CompletionTokens = len(s.answer.Tokens)
	if !s.first.IsZero() {
		s.answer.Timings = model.Timings{Prompt: s.first.Sub(s.queued), Answer: time.Since(s.first)}
	}
	s.end(&s.answer, err)
}

// count counts a token that became known.
func (s *sequence) count(stats *Stats, now time.Time) {
	if s.first.IsZero() {
		s.first = now
		stats.FirstToken.add(now.Sub(s.queued))
		stats.ImagesEncoded += uint64(s.encoded)
		stats.ImagesFound += uint64(max(0, len(s.req.Prompt.Images)-s.encoded))
	} else {
		stats.InterToken.add(now.Sub(s.last))
	}
	s.last = now
}
