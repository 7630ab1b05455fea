package engine_test

import (
	"context"
	"errors"
	"image"
	"testing"

	"pixtral-wgpu/engine"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/tokenizer"
)

// grey is a picture of so many pixels a side, of one grey.
func grey(t *testing.T, p *model.Pixtral, width, height int, shade byte) *pixels.Patches {
	t.Helper()
	v := p.Config.VisionEncoder
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = shade | byte(i%4/3*255)
	}
	patches, err := pixels.Preprocess(img, v.PatchSize, v.ImageSize)
	check(t, err)
	return patches
}

// about is a question about pictures.
func about(t *testing.T, p *model.Pixtral, pictures ...*pixels.Patches) model.Prompt {
	t.Helper()
	message := tokenizer.Message{Role: tokenizer.RoleUser, Parts: []tokenizer.Part{{Type: tokenizer.PartText, Text: "What?"}}}
	for range pictures {
		message.Parts = append(message.Parts, tokenizer.Part{Type: tokenizer.PartImage, Source: "x"})
	}
	prompt, err := p.EncodeChat(&tokenizer.Chat{Model: p.Name, Messages: []tokenizer.Message{message}}, pictures)
	check(t, err)
	return prompt
}

// large is a question about a picture as large as the model takes.
func large(t *testing.T, p *model.Pixtral, shade byte) model.Prompt {
	side := p.Config.VisionEncoder.ImageSize
	return about(t, p, grey(t, p, side, side, shade))
}

// Small pictures, of one question or of several, go through the encoder together,
// each once, and come out as alone, whether somebody waits for the next token or not.
func TestPicturesTogether(t *testing.T) {
	p := load(t)
	patch := p.Config.VisionEncoder.PatchSize
	var questions []model.Prompt
	for i := range 3 {
		var list []*pixels.Patches
		for k := range 3 {
			list = append(list, grey(t, p, (1+i+3*k)*patch, (7-2*k)*patch, byte(40*i+9*k)))
		}
		questions = append(questions, about(t, p, append(list, list[0])...)) // one twice
	}
	var want []*model.Reply
	var requests []engine.Request
	for i, q := range questions {
		requests = append(requests, engine.Request{Prompt: q, MaxTokens: 4})
		want = append(want, alone(t, p, requests[i], 1024))
	}
	for _, busy := range []bool{false, true} {
		h := engine.NewHand(t, p, engine.Options{Context: 1024, Slots: 4, Exact: true})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if busy {
			_, err := h.Ask(ctx, engine.Request{Prompt: model.Prompt{Tokens: []tokenizer.Token{1}}, Sampler: unending(p)})
			check(t, err)
			check(t, h.Step(t.Context()))
		}
		var of []func() (*model.Reply, error, bool)
		for _, req := range requests {
			reply, err := h.Ask(t.Context(), req)
			check(t, err)
			of = append(of, reply)
		}
		for open := len(of); open > 0; {
			check(t, h.Step(t.Context()))
			if n := h.Encoded(); n != 0 && n != 9 {
				t.Errorf("busy %v: %d are encoded before the others", busy, n)
			}
			open = 0
			for _, reply := range of {
				if _, _, ended := reply(); !ended {
					open++
				}
			}
		}
		for i, reply := range of {
			got, err, _ := reply()
			check(t, err)
			if got.Text != want[i].Text {
				t.Errorf("busy %v: %q, want %q", busy, got.Text, want[i].Text)
			}
		}
		if s := h.Stats(); s.ImagesEncoded != 9 || s.ImagesFound != 3 {
			t.Errorf("busy %v: %d encoded, %d found", busy, s.ImagesEncoded, s.ImagesFound)
		}
	}
}

// A picture that somebody else waits for too goes on when a client leaves.
func TestLeavePicture(t *testing.T) {
	p := load(t)
	engine.Patience(t, 0)
	h := engine.NewHand(t, p, engine.Options{Context: 1024, Slots: 3})
	_, err := h.Ask(t.Context(), engine.Request{Prompt: model.Prompt{Tokens: []tokenizer.Token{1}}, Sampler: unending(p)})
	check(t, err)
	check(t, h.Step(t.Context()))
	var leave [2]context.CancelFunc
	picture := about(t, p, grey(t, p, 100, 100, 40))
	for i := range leave {
		var ctx context.Context
		ctx, leave[i] = context.WithCancel(t.Context())
		_, err := h.Ask(ctx, engine.Request{Prompt: picture})
		check(t, err)
	}
	check(t, h.Step(t.Context()))
	first := h.Encoding()
	if first == nil {
		t.Fatal("the picture was encoded at once")
	}
	leave[0]()
	if check(t, h.Step(t.Context())); h.Encoding() != first {
		t.Error("one of two left, and the picture began again")
	}
	leave[1]()
	if check(t, h.Step(t.Context())); h.Encoding() != nil {
		t.Error("nobody waits for the picture, and it goes on")
	}
}

// While a large picture is encoded, layer by layer, others get a token after each; it
// comes out as if it had been encoded at once; and if nobody wants it any more, nothing
// stays.
func TestEncodeBetweenSteps(t *testing.T) {
	p := load(t)
	engine.Patience(t, 0)
	h := engine.NewHand(t, p, engine.Options{Context: 8192, Tokens: 16384, Slots: 4})
	picture := engine.Request{Prompt: large(t, p, 40), MaxTokens: 4}
	want := alone(t, p, picture, 8192)
	_, err := h.Ask(t.Context(), engine.Request{Prompt: model.Prompt{Tokens: []tokenizer.Token{1}}, Sampler: unending(p)})
	check(t, err)
	check(t, h.Step(t.Context()))
	step := func() {
		t.Helper()
		before := h.Stats().CompletionTokens
		if check(t, h.Step(t.Context())); h.Stats().CompletionTokens == before {
			t.Error("a step without a token for who waits for one")
		}
	}
	reply, err := h.Ask(t.Context(), picture)
	check(t, err)
	layers := 0
	for ended := false; !ended; _, _, ended = reply() {
		if step(); h.Encoding() != nil {
			layers++
		}
	}
	if most := p.Config.VisionEncoder.Layers; layers != most-1 { // behind the last nothing is under way
		t.Errorf("%d steps behind a layer, of %d layers", layers, most)
	}
	got, err, _ := reply()
	check(t, err)
	if n := h.Stats().ImagesEncoded; got.Text != want.Text || n != 1 {
		t.Errorf("%q, want %q; %d encoded", got.Text, want.Text, n)
	}
	held, _ := p.Device().Used()
	for shade := range byte(2) { // they leave in the middle
		ctx, leave := context.WithCancel(t.Context())
		reply, err := h.Ask(ctx, engine.Request{Prompt: large(t, p, shade)})
		check(t, err)
		step()
		if step(); h.Encoding() == nil {
			t.Error("the picture was encoded in two steps")
		}
		leave()
		step()
		if _, err, ended := reply(); !ended || !errors.Is(err, context.Canceled) {
			t.Errorf("ended %v: %v", ended, err)
		}
	}
	if now, _ := p.Device().Used(); now > held {
		t.Errorf("%d bytes on the device, %d before the pictures were given up", now, held)
	}
}
