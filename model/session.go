package model

import (
	"cmp"
	"context"
	"fmt"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/tokenizer"
)

// SessionOptions says how large a session is; the zero value is right.
type SessionOptions struct {
	Context   int    // tokens it can hold; 0 means DefaultContext
	Chunk     int    // prompt tokens evaluated at a time; 0 means 512
	KV        string // "f16", "f32" or "q8_0", the type of keys and values; "" means f16
	AllLogits bool   // make the logits of every position of a prompt, for taps
}

const (
	// DefaultContext is how many tokens a session holds unless it is told.
	DefaultContext = 8192
	defaultChunk   = 512

	// MaxContext is how many positions Pixtral 12B was trained for (spec §1.1).
	MaxContext = 131072
)

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
	held    []place
	images  map[[32]byte]gpu.Tensor // rows of images, by content
	encoded int                     // images that were encoded, not found
	kept    int                     // tokens that the last Sync found held

	elsewhere bool // the logits are those of a position visited, not of the last
}

// A place is what a position of the cache holds: a token, and for an image
// token which patch of which image.
type place struct {
	token tokenizer.Token
	image [32]byte // the image's hash, zero for text
	patch int
}

// A ContextError is a prompt, or an answer, that does not fit.
type ContextError struct{ Tokens, Fits int }

func (e *ContextError) Error() string {
	return fmt.Sprintf("the prompt has %d tokens and the context holds %d; use --ctx %d or more, a shorter prompt, or fewer or smaller images",
		e.Tokens, e.Fits, e.Tokens+1)
}

// NewSession makes an empty session.
func (p *Pixtral) NewSession(o SessionOptions) (*Session, error) {
	o, kv, err := o.complete()
	if err != nil {
		return nil, err
	}
	s := &Session{p: p, options: o, arena: arena{dev: p.dev}, images: map[[32]byte]gpu.Tensor{}}
	if s.decoder, err = newDecoder(&s.arena, p.Config, o.Context, o.Chunk, o.AllLogits, kv); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// complete puts the defaults in and checks what was asked for.
func (o SessionOptions) complete() (SessionOptions, gpu.Type, error) {
	o.Context = cmp.Or(o.Context, DefaultContext)
	o.Chunk = min(cmp.Or(o.Chunk, defaultChunk), o.Context)
	if o.Context < 2 || o.Context > MaxContext || o.Chunk < 1 {
		return o, 0, fmt.Errorf("model: a context of %d tokens; it may be 2 to %d", o.Context, MaxContext)
	}
	kv, ok := map[string]gpu.Type{"": gpu.F16, "f16": gpu.F16, "f32": gpu.F32, "q8_0": gpu.Q8}[o.KV]
	if !ok {
		return o, 0, fmt.Errorf("model: keys and values of type %q; there are f16, q8_0 and f32", o.KV)
	}
	return o, kv, nil
}

// Close gives the session's memory back.
func (s *Session) Close() {
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
	places := s.places(prompt)
	keep := 0
	for keep < min(len(places)-1, len(s.held)) && places[keep] == s.held[keep] {
		keep++ // the last is always evaluated: its logits are wanted
	}
	s.held, s.kept = s.held[:keep], keep
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
		if err := s.forward(ctx, chunk, want); err != nil {
			return err
		}
	}
	if s.Progress != nil {
		s.Progress(len(places)-keep, len(places)-keep)
	}
	return nil
}

// places spells out which patch each image token stands for.
func (s *Session) places(prompt Prompt) []place {
	list := make([]place, len(prompt.Tokens))
	image, patch := 0, 0
	v := s.p.Config.VisionEncoder
	for i, tok := range prompt.Tokens {
		list[i].token = tok
		if v == nil || int32(tok) != v.ImageTokenID {
			continue
		}
		img := prompt.Images[image]
		list[i].image, list[i].patch = img.Hash, patch
		if patch++; patch == img.Grid.Patches() {
			image, patch = image+1, 0
		}
	}
	return list
}

// imageBytes is how much memory images that the prompt no longer has may keep.
const imageBytes = 256 << 20

// encodeImages sees to it that the rows of the images in places are there.
func (s *Session) encodeImages(ctx context.Context, prompt Prompt, places []place) error {
	wanted := map[[32]byte]bool{}
	for _, p := range places {
		wanted[p.image] = true
	}
	s.forgetImages(prompt)
	for i, img := range prompt.Images {
		if _, ok := s.images[img.Hash]; ok || !wanted[img.Hash] {
			continue
		}
		rows, err := s.p.encode(ctx, img, i, s.Tap, s.Clock)
		if err != nil {
			return fmt.Errorf("model: image %d: %w", i+1, err)
		}
		s.images[img.Hash] = rows
		s.encoded++
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
	return s.forward(ctx, []place{{token: tok}}, 1)
}

// forward evaluates a chunk behind what the session holds.
func (s *Session) forward(ctx context.Context, chunk []place, want int) error {
	tokens := make([]uint32, len(chunk))
	var spans []span
	for i, p := range chunk {
		tokens[i] = uint32(p.token)
		if p.image == ([32]byte{}) {
			continue
		}
		if n := len(spans); n == 0 || spans[n-1].image != p.image || spans[n-1].from+len(spans[n-1].at) != p.patch {
			spans = append(spans, span{image: p.image, rows: s.images[p.image], from: p.patch})
		}
		s := &spans[len(spans)-1]
		s.at = append(s.at, uint32(i))
	}
	s.elsewhere = false // until again says otherwise
	r := s.p.dev.Record()
	r.Tap, r.Clock = s.Tap, s.Clock
	s.decoder.cache.used = len(s.held)
	if err := s.decoder.forward(ctx, r, s.p, tokens, spans, want); err != nil {
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
	r := s.p.dev.Record()
	r.Clock = s.Clock
	ops.Argmax(r, s.decoder.best, last)
	if err := r.Submit(); err != nil {
		return 0, err
	}
	best, err := s.p.dev.Ints(s.decoder.best)
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
	return s.decoder.logits.Rows(s.decoder.made), nil
}
