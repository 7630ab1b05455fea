package model

import (
	"context"
	"fmt"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/tokenizer"
)

// SessionOptions says how large a session is; the zero value is right.
type SessionOptions struct {
	Context   int    // tokens it can hold; 0 means DefaultContext
	Chunk     int    // prompt tokens evaluated at a time; 0 means 512
	KV        string // "f16", "f32" or "q8_0", the type of keys and values; "" means f16
	AllLogits bool   // make the logits of every position of a prompt, for taps
}

// A Session is one timeline: a cache of keys and values, and the tokens in it.
// It is not safe for concurrent use.
type Session struct {
	Tap      gpu.Tap               // sees every value of the pass; nil for none
	Clock    *gpu.Clock            // measures every kernel; nil for none
	Progress func(done, total int) // prompt tokens evaluated; nil for none

	p       *Pixtral
	options SessionOptions
	arena   arena
	decoder *decoder
	pages   []uint32 // all of the cache, in order
	held    []Place
	read    int                     // of held, those evaluated as parts of a prompt
	images  map[[32]byte]gpu.Tensor // rows of images, by content
	encoded int                     // images that were encoded, not found
	kept    int                     // tokens that the last Sync found held

	elsewhere bool     // the logits are not those of the last position
	piece     [1]Piece // kept, so that a token allocates nothing
	step      [1]Place
	heat      [1]float64
}

// A ContextError is a prompt, or an answer, that does not fit.
type ContextError struct{ Tokens, Fits int }

func (e *ContextError) Error() string {
	return fmt.Sprintf("the prompt has %d tokens and the context holds %d; use --ctx %d or more, a shorter prompt, or fewer or smaller images",
		e.Tokens, e.Fits, e.Tokens+1)
}

// NewSession makes an empty session.
func (p *Pixtral) NewSession(o SessionOptions) (*Session, error) {
	pool, kv, err := o.pool()
	if err != nil {
		return nil, err
	}
	o.Context, o.Chunk = pool.Context, pool.Rows
	s := &Session{p: p, options: o, arena: arena{dev: p.dev}, images: map[[32]byte]gpu.Tensor{}}
	if s.decoder, err = newDecoder(&s.arena, p.Config, pool, kv); err != nil {
		s.Close()
		return nil, err
	}
	for page := range pagesFor(o.Context) {
		s.pages = append(s.pages, uint32(page))
	}
	return s, nil
}

// pool returns the pool of one sequence that a session is, no zero in it.
func (o SessionOptions) pool() (PoolOptions, gpu.Type, error) {
	return PoolOptions{Context: o.Context, Rows: o.Chunk, KV: o.KV, allLogits: o.AllLogits}.complete()
}

// Close gives the session's memory back.
func (s *Session) Close() {
	if s.decoder != nil {
		s.decoder.free(s.p.dev)
	}
	s.arena.free()
	for _, rows := range s.images {
		s.p.dev.Free(rows)
	}
	s.images = nil
}

// Len returns how many tokens the session holds, and Context how many it can.
func (s *Session) Len() int     { return len(s.held) }
func (s *Session) Context() int { return s.options.Context }

// Encoded returns how many images the session has run through the encoder.
func (s *Session) Encoded() int { return s.encoded }

// Sync makes the session hold exactly prompt. It keeps the longest common
// prefix of what it already holds and evaluates the rest; image tokens are
// equal if their image is, and an image is encoded once. It stops between
// chunks and layers when ctx is done; the session then holds what was finished.
func (s *Session) Sync(ctx context.Context, prompt Prompt) error {
	if err := s.p.Config.Check(prompt); err != nil {
		return err
	}
	if n := len(prompt.Tokens); n >= s.options.Context {
		return &ContextError{Tokens: n, Fits: s.options.Context - 1} // and one for the answer
	}
	places := s.p.Config.Places(prompt)
	keep := 0
	for keep < min(len(places)-1, len(s.held)) && places[keep] == s.held[keep] {
		keep++ // the last is always evaluated: its logits are wanted
	}
	s.held, s.kept = s.held[:keep], keep
	s.read = len(places)
	if err := s.encodeImages(ctx, prompt, places[keep:]); err != nil {
		return err
	}
	for len(s.held) < len(places) {
		if s.Progress != nil {
			s.Progress(len(s.held)-keep, len(places)-keep)
		}
		chunk := places[len(s.held):min(len(places), len(s.held)+s.options.Chunk)]
		want := 0
		if s.options.AllLogits {
			want = len(chunk)
		} else if len(s.held)+len(chunk) == len(places) {
			want = 1
		}
		if err := s.forward(ctx, chunk, want, false); err != nil {
			return err
		}
	}
	if s.Progress != nil {
		s.Progress(len(places)-keep, len(places)-keep)
	}
	return nil
}

// imageBytes is how much memory images that the prompt no longer has may keep.
const imageBytes = 256 << 20

// encodeImages sees to it that the rows of the images in places are there.
func (s *Session) encodeImages(ctx context.Context, prompt Prompt, places []Place) error {
	wanted := map[[32]byte]bool{}
	for _, p := range places {
		wanted[p.Image] = true
	}
	s.forgetImages(prompt)
	var missing []*pixels.Patches
	var index []int // in the prompt
	for i, img := range prompt.Images {
		if _, ok := s.images[img.Hash]; !ok && wanted[img.Hash] {
			missing, index = append(missing, img), append(index, i)
			wanted[img.Hash] = false // once
		}
	}
	c := s.p.NewEncoder()
	defer c.Close()
	for _, img := range missing { // room for the largest serves all
		if err := c.reserve(img.Grid.Patches()); err != nil {
			return fmt.Errorf("model: images: %w", err)
		}
	}
	for len(missing) > 0 {
		n := Together(missing)
		if s.Tap != nil {
			n = 1
		}
		rows, err := c.encode(ctx, index[0], s.Tap, s.Clock, missing[:n]...)
		if err != nil {
			return fmt.Errorf("model: image %d: %w", index[0]+1, err)
		}
		for i, t := range rows {
			s.images[missing[i].Hash] = t
		}
		s.encoded += n
		missing, index = missing[n:], index[n:]
	}
	return nil
}

// forgetImages frees images that are not in the prompt once they are many.
func (s *Session) forgetImages(prompt Prompt) {
	kept := uint64(0)
	for _, rows := range s.images {
		kept += rows.Bytes()
	}
	for hash, rows := range s.images {
		used := false
		for _, img := range prompt.Images {
			used = used || img.Hash == hash
		}
		if kept > imageBytes && !used {
			kept -= rows.Bytes()
			s.p.dev.Free(rows)
			delete(s.images, hash)
		}
	}
}

// Step appends one token of text and evaluates it. An image token among the
// model's own is an ordinary row of the embedding.
func (s *Session) Step(ctx context.Context, tok tokenizer.Token) error {
	if len(s.held) >= s.options.Context {
		return &ContextError{Tokens: len(s.held) + 1, Fits: s.options.Context}
	}
	if tok < 0 || int(tok) >= s.p.Config.VocabSize {
		return fmt.Errorf("model: token %d is outside the vocabulary of %d", tok, s.p.Config.VocabSize)
	}
	s.step[0] = Place{Token: tok}
	return s.forward(ctx, s.step[:], 1, true)
}

// forward evaluates a chunk behind what the session holds: part of a prompt, or
// a token of an answer.
func (s *Session) forward(ctx context.Context, chunk []Place, want int, step bool) error {
	s.piece[0] = Piece{Pages: s.pages, First: len(s.held), Places: chunk, Want: want, Images: s.images}
	b, err := s.decoder.lay(s.piece[:], step)
	if err != nil {
		return err
	}
	s.elsewhere = false // until again says otherwise
	r := s.decoder.recorder(s.p.dev)
	r.Tap, r.Clock = s.Tap, s.Clock
	if err := s.decoder.forward(ctx, r, s.p, b); err != nil {
		return fmt.Errorf("model: token %d: %w", len(s.held), err)
	}
	s.held = append(s.held, chunk...)
	return nil
}

// Logits returns the scores of the token that follows: [vocab].
func (s *Session) Logits() ([]float32, error) {
	last, err := s.last()
	if err != nil {
		return nil, err
	}
	all, err := s.p.dev.Floats(last)
	vocab := s.p.Config.VocabSize
	return all[max(0, len(all)-vocab):], err
}

// Best returns the likeliest token to follow, found on the device.
func (s *Session) Best() (tokenizer.Token, error) {
	last, err := s.last()
	if err != nil {
		return 0, err
	}
	if last.Shape[0] > 1 { // only with AllLogits
		logits, err := s.Logits()
		if err != nil {
			return 0, err
		}
		return argmax(logits), nil
	}
	best, err := s.decoder.argmax(s.p.dev, s.Clock)
	if err != nil {
		return 0, err
	}
	return tokenizer.Token(best[0]), nil
}

// last returns the logits that end with those of the last position.
func (s *Session) last() (gpu.Tensor, error) {
	if len(s.held) == 0 {
		return gpu.Tensor{}, fmt.Errorf("model: the session is empty")
	}
	if err := s.home(); err != nil {
		return gpu.Tensor{}, err
	}
	return s.decoder.view(s.decoder.made).logits, nil
}
