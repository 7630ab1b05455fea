// Package model is Pixtral: it loads a checkpoint onto a device, turns
// conversations and pictures into prompts, and runs them.
//
// One image: pixels.Preprocess resizes and normalises it; tokenizer.EncodeChat
// lays out its place in the prompt; Session.Sync finds that it is new and calls
// encode (vision.go), whose patches go through the blocks of the image encoder
// (block.go) and the adapter (adapter.go); the rows are kept under the image's
// hash.
//
// One prompt: Sync keeps what the cache holds of it and runs the rest chunk by
// chunk through forward (decoder.go): embed, scatter the image rows over their
// tokens, the decoder's blocks, and the head for the last row.
//
// One token: Session.Reply (generate.go) takes the greatest logit on the device
// or samples (sampler.go), and Step runs the same forward with one row.
package model

import (
	"fmt"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/tokenizer"
)

// A Pixtral is a loaded model. Its weights do not change: many sessions may
// share it, but like its device it is not safe for concurrent use.
type Pixtral struct {
	Name      string
	Config    *Config
	Tokenizer tokenizer.Tokenizer // nil if the checkpoint came without

	dev      *gpu.Device
	w        weights
	streamed *Checkpoint // that layers are read from while the model runs; nil if none are
}

// Device returns the device that the model is loaded on.
func (p *Pixtral) Device() *gpu.Device { return p.dev }

// Close gives the model's memory back. Its sessions must be closed before.
func (p *Pixtral) Close() {
	p.w.free(p.dev)
	if c := p.streamed; c != nil {
		p.streamed = nil
		if c.streams--; c.closed && c.streams == 0 {
			c.Source.Close()
		}
	}
}

// A Prompt is the whole input: tokens, and the images that their [IMG] tokens
// stand for, in order.
type Prompt struct {
	Tokens []tokenizer.Token
	Images []*pixels.Patches
}

// ImageTokens returns how many of the tokens belong to images.
func (p Prompt) ImageTokens() (n int) {
	for _, img := range p.Images {
		n += img.Grid.Tokens()
	}
	return n
}

// EncodeChat turns a conversation into a prompt. images are those of
// chat.Images, in order.
func (p *Pixtral) EncodeChat(chat *tokenizer.Chat, images []*pixels.Patches) (Prompt, error) {
	if p.Tokenizer == nil {
		return Prompt{}, fmt.Errorf("model: %s has no tokenizer", p.Name)
	}
	grids := make([]tokenizer.Grid, len(images))
	for i, img := range images {
		grids[i] = img.Grid
	}
	tokens, err := p.Tokenizer.EncodeChat(chat, grids)
	return Prompt{tokens, images}, err
}

// Check reports a prompt that the model cannot take: a token outside the
// vocabulary, or image tokens that do not match the images.
func (c *Config) Check(prompt Prompt) error {
	v := c.VisionEncoder
	places, patches := 0, 0
	for i, tok := range prompt.Tokens {
		if tok < 0 || int(tok) >= c.VocabSize {
			return fmt.Errorf("model: token %d at %d is outside the vocabulary of %d", tok, i, c.VocabSize)
		}
		if v != nil && int32(tok) == v.ImageTokenID {
			places++
		}
	}
	for i, img := range prompt.Images {
		switch {
		case v == nil:
			return fmt.Errorf("model: the model reads text only, and the prompt has an image")
		case img.Patch != v.PatchSize || img.Width != img.Grid.Cols*v.PatchSize || img.Height != img.Grid.Rows*v.PatchSize ||
			len(img.Pixels) != v.Channels*img.Width*img.Height:
			return fmt.Errorf("model: image %d is not cut into patches of %d pixels", i+1, v.PatchSize)
		case max(img.Grid.Cols, img.Grid.Rows)*v.PatchSize > v.ImageSize:
			return fmt.Errorf("model: image %d has %d by %d pixels; the encoder takes %d a side", i+1, img.Width, img.Height, v.ImageSize)
		}
		patches += img.Grid.Patches()
	}
	if len(prompt.Tokens) == 0 {
		return fmt.Errorf("model: the prompt is empty")
	}
	if places != patches {
		return fmt.Errorf("model: the prompt has %d image tokens for images of %d patches; give it each image that its tokens stand for, in their order", places, patches)
	}
	return nil
}
