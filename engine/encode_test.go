package engine_test

import (
	"context"
	"errors"
	"image"
	"testing"
	"time"

	"pixtral-wgpu/engine"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/tokenizer"
)

// large is a question about a picture as large as the model takes, of one grey.
func large(t *testing.T, p *model.Pixtral, grey byte) model.Prompt {
	t.Helper()
	v := p.Config.VisionEncoder
	img := image.NewRGBA(image.Rect(0, 0, v.ImageSize, v.ImageSize))
	for i := range img.Pix {
		img.Pix[i] = grey | byte(i%4/3*255)
	}
	patches, err := pixels.Preprocess(img, v.PatchSize, v.ImageSize)
	check(t, err)
	message := tokenizer.Message{Role: tokenizer.RoleUser, Parts: []tokenizer.Part{{Type: tokenizer.PartImage, Source: "x"}, {Type: tokenizer.PartText, Text: "What?"}}}
	prompt, err := p.EncodeChat(&tokenizer.Chat{Model: p.Name, Messages: []tokenizer.Message{message}}, []*pixels.Patches{patches})
	check(t, err)
	return prompt
}

// While a large picture is encoded, others get their tokens; it comes out as if
// it had been encoded at once; and if nobody wants it any more, nothing stays.
func TestEncodeBetweenSteps(t *testing.T) {
	p := load(t)
	e := start(t, p, engine.Options{Context: 8192, Tokens: 16384, Slots: 4})
	picture := engine.Request{Prompt: large(t, p, 40), MaxTokens: 4}
	want := alone(t, p, picture, 8192)
	endless := engine.Request{Prompt: model.Prompt{Tokens: []tokenizer.Token{1}}, Sampler: unending(p)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended, tokens := make(chan error, 1), make(chan time.Time, 1<<14)
	go func() {
		_, err := e.Generate(ctx, endless, func(engine.Event) error { tokens <- time.Now(); return nil })
		ended <- err
	}()
	last := <-tokens
	encoded := e.Stats().ImagesEncoded
	got := answer(t, e, picture)
	most := time.Duration(0) // from one token to the next
	for range len(tokens) {
		now := <-tokens
		most, last = max(most, now.Sub(last)), now
	}
	check(t, e.Exclusive(t.Context(), func(ctx context.Context, p *model.Pixtral) error {
		start := time.Now()
		encoding, err := p.StartImage(picture.Prompt.Images[0])
		check(t, err)
		defer encoding.Close()
		rows, err := encoding.Step(ctx, p.Config.VisionEncoder.Layers)
		check(t, err)
		defer p.Device().Free(rows)
		check(t, p.Device().Alive())
		if took := time.Since(start); most >= took {
			t.Errorf("tokens were %v apart; a picture is encoded in %v", most, took)
		}
		return nil
	}))
	if got.Text != want.Text || e.Stats().ImagesEncoded != encoded+1 {
		t.Errorf("%q, want %q; %d encoded", got.Text, want.Text, e.Stats().ImagesEncoded-encoded)
	}
	used := func() (bytes uint64) {
		check(t, e.Exclusive(t.Context(), func(_ context.Context, p *model.Pixtral) error {
			bytes, _ = p.Device().Used()
			return nil
		}))
		return bytes
	}
	held := used()
	for grey := range byte(2) { // they leave in the middle
		short, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
		if _, err := e.Generate(short, engine.Request{Prompt: large(t, p, grey)}, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		stop()
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if now := used(); now > held {
		t.Errorf("%d bytes on the device, %d when the pictures were given up", held, now)
	}
}
