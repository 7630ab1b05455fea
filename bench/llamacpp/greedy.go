//go:build llamacpp

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

// greedyTexts are gone on with by both engines. They need no vocabulary of any
// size: the pocket model has a thousand tokens.
var greedyTexts = []string{
	"Hello",
	"What colour is the circle?",
	"The picture shows",
}

// greedy checks that llama.cpp's CPU backend and ours read a GGUF alike: the
// same tokens of a text, and the same 64 likeliest tokens behind it.
//
// Where they differ, llama.cpp's rounding of activations may be why: the file
// is read once more with its weights in f32, for which it rounds nothing.
func greedy(ctx context.Context, o *options) error {
	if len(o.args) == 0 {
		return fmt.Errorf("greedy takes the paths of .gguf files")
	}
	d, err := gpu.Open(gpu.Options{Device: o.adapter})
	if err != nil {
		return err
	}
	defer d.Close()
	for _, path := range o.args {
		if err := o.greedyFile(ctx, d, path); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

func (o *options) greedyFile(ctx context.Context, d *gpu.Device, path string) error {
	c, err := model.OpenCheckpoint(path)
	if err != nil {
		return err
	}
	defer c.Close()
	p, err := model.Load(ctx, d, c, model.LoadOptions{})
	if err != nil {
		return err
	}
	defer p.Close()
	s, err := p.NewSession(model.SessionOptions{Context: 256})
	if err != nil {
		return err
	}
	defer s.Close()
	readings, err := o.readings(path)
	if err != nil {
		return err
	}
	for _, r := range readings {
		defer r.close()
	}
	for _, text := range greedyTexts {
		ours, err := goOn(ctx, p, s, text)
		if err != nil {
			return err
		}
		for _, r := range readings {
			same, err := ours.compare(r.driver)
			if err != nil {
				return err
			}
			fmt.Printf("%s, %q: %d of %d greedy tokens are those of llama.cpp with %s\n", filepath.Base(path), text, same, answerTokens, r.name)
			if r.exact && same < answerTokens {
				return fmt.Errorf("%q: token %d differs", text, same)
			}
		}
	}
	return nil
}

// A reading is a file as llama.cpp computes with it.
type reading struct {
	*driver
	name  string
	exact bool // nothing is rounded
}

// readings opens a file in llama.cpp twice: as it is, and with its weights in f32.
func (o *options) readings(path string) ([]reading, error) {
	dir, err := os.MkdirTemp("", "llamacpp")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) // llama.cpp has mapped what it needs
	floats := filepath.Join(dir, "f32.gguf")
	if err := dequantize(floats, path); err != nil {
		return nil, err
	}
	rounding, err := o.theirs("cpu", path, "f16", 256)
	if err != nil {
		return nil, err
	}
	exact, err := o.theirs("cpu", floats, "f32", 256)
	if err != nil {
		rounding.close()
		return nil, err
	}
	return []reading{{rounding, "the file as it is", false}, {exact, "its weights in f32", true}}, nil
}

// A continuation is a text, and how a model goes on.
type continuation struct {
	text           string
	prompt, answer []tokenizer.Token
}

// goOn takes the likeliest token again and again, past the end of an answer.
func goOn(ctx context.Context, p *model.Pixtral, s *model.Session, text string) (continuation, error) {
	c := continuation{text: text, prompt: p.Tokenizer.EncodePrompt(text)}
	err := s.Sync(ctx, model.Prompt{Tokens: c.prompt})
	for len(c.answer) < answerTokens && err == nil {
		var tok tokenizer.Token
		if tok, err = s.Best(); err == nil {
			c.answer = append(c.answer, tok)
			err = s.Step(ctx, tok)
		}
	}
	return c, err
}

// compare has llama.cpp encode the text and go on, and returns how many tokens
// are the same until one differs.
func (c continuation) compare(d *driver) (int, error) {
	prompt, err := d.encode("plain", c.text)
	if err != nil {
		return 0, err
	}
	if fmt.Sprint(prompt) != fmt.Sprint(c.prompt) {
		return 0, fmt.Errorf("%q is %d, and %d for llama.cpp", c.text, c.prompt, prompt)
	}
	if _, err := d.eval(0, prompt...); err != nil {
		return 0, err
	}
	answer, _, err := d.greedy(answerTokens)
	if err != nil {
		return 0, err
	}
	same := 0
	for same < len(answer) && answer[same] == c.answer[same] {
		same++
	}
	return same, nil
}
