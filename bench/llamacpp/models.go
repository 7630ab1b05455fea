//go:build llamacpp

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

// lengths is what the models do: prompts of each length, and tokens behind them.
// On a software adapter llama.cpp takes minutes for 512 tokens of any model.
func (o *options) lengths(d *gpu.Device) []int {
	if d.Info.Software() && !o.full {
		return []int{32, 128}
	}
	return []int{128, 512}
}

const (
	decoded = 16   // tokens of one run
	room    = 1024 // context of both
)

// models compares whole models: decode and prefill.
func models(ctx context.Context, o *options) error {
	if len(o.args) == 0 {
		return fmt.Errorf("models takes the paths of .gguf files")
	}
	d, err := gpu.Open(gpu.Options{Device: o.adapter})
	if err != nil {
		return err
	}
	defer d.Close()
	for i, path := range o.args {
		if err := o.model(ctx, d, path, i == 0); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

func (o *options) model(ctx context.Context, d *gpu.Device, path string, first bool) error {
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
	s, err := p.NewSession(model.SessionOptions{Context: room})
	if err != nil {
		return err
	}
	defer s.Close()
	theirs, err := o.theirs("vulkan", path, "f16", room)
	if err != nil {
		return err
	}
	defer theirs.close()
	if first {
		device, err := theirs.ask("device")
		if err != nil {
			return err
		}
		heading(d.Info.Name, device)
	}
	fmt.Println(filepath.Base(path))
	for _, n := range o.lengths(d) {
		for _, fight := range []duel{prefill(ctx, s, theirs, p.Config.VocabSize, n), decode(ctx, s, theirs, p.Config.VocabSize, n)} {
			outcome, err := fight.fight(ctx, o.rounds)
			if err != nil {
				return err
			}
			fight.show(outcome)
		}
	}
	return nil
}

// text returns n tokens, others for each seed.
func text(n, vocab, seed int) []tokenizer.Token {
	list := make([]tokenizer.Token, n)
	for i := range list {
		list[i] = tokenizer.Token(20 + (seed+i*7919)%(vocab-20))
	}
	return list
}

func prefill(ctx context.Context, s *model.Session, theirs *driver, vocab, n int) duel {
	seed := 0
	return duel{
		name: fmt.Sprintf("prefill of %d tokens", n), work: float64(n), unit: "tok/s",
		ours: func() (time.Duration, error) {
			seed++ // nothing of the last prompt can be kept
			start := time.Now()
			err := s.Sync(ctx, model.Prompt{Tokens: text(n, vocab, seed)})
			if err == nil {
				_, err = s.Best()
			}
			return time.Since(start), err
		},
		theirs: func() (time.Duration, error) {
			took, err := theirs.eval(0, text(n, vocab, seed)...)
			return asDuration(took), err
		},
	}
}

func decode(ctx context.Context, s *model.Session, theirs *driver, vocab, depth int) duel {
	prompt, held := text(depth, vocab, 0), 0
	return duel{
		name: fmt.Sprintf("decode behind %d tokens", depth), work: decoded, unit: "tok/s",
		ours: func() (time.Duration, error) {
			if err := s.Sync(ctx, model.Prompt{Tokens: prompt}); err != nil {
				return 0, err
			}
			tok, err := s.Best()
			start := time.Now()
			for n := 0; n < decoded && err == nil; n++ {
				if err = s.Step(ctx, tok); err == nil {
					tok, err = s.Best()
				}
			}
			return time.Since(start), err
		},
		theirs: func() (time.Duration, error) {
			if _, err := theirs.eval(held, prompt[held:]...); err != nil {
				return 0, err
			}
			held = depth - 1 // its cache keeps the prompt
			_, took, err := theirs.greedy(decoded)
			return asDuration(took), err
		},
	}
}
