package bench

import (
	"context"
	"fmt"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/tokenizer"
)

// prompt returns n tokens that are ordinary text.
func prompt(p *model.Pixtral, n int) model.Prompt {
	list := make([]tokenizer.Token, n)
	for i := range list {
		list[i] = tokenizer.Token(20 + (i*7919)%(p.Config.VocabSize-20))
	}
	return model.Prompt{Tokens: list}
}

// image returns a picture of side by side pixels, different for each seed.
func image(p *model.Pixtral, side int, seed float32) (*pixels.Patches, error) {
	v := noise(3 * side * side)
	v[0] = seed
	return pixels.FromPixels(v, side, side, p.Config.VisionEncoder.PatchSize)
}

// Decode measures tokens per second behind contexts of the given lengths, and the
// products in a token by themselves. The ceiling is what reading the weights and
// the cache would take.
func (r *Report) Decode(ctx context.Context, p *model.Pixtral, depths []int) error {
	endless := *p
	endless.Tokenizer = nil // nothing ends an answer
	p = &endless
	if err := r.products(ctx, p); err != nil {
		return err
	}
	for _, depth := range depths {
		s, err := p.NewSession(model.SessionOptions{Context: depth + 256, KV: r.KV})
		if err != nil {
			return err
		}
		err = r.decode(ctx, s, p, depth)
		s.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// products measures a token's matrix × vector products without what lies between
// them.
func (r *Report) products(ctx context.Context, p *model.Pixtral) error {
	list := p.DecodeMatrices()
	if list == nil {
		return nil
	}
	g := &rig{d: p.Device()}
	defer g.free()
	vectors := map[int]gpu.Tensor{} // by length, to be read and to be written
	for _, m := range list {
		for _, n := range []int{m.Cols, -m.Rows} {
			if _, ok := vectors[n]; ok {
				continue
			}
			t, err := g.tensor("vector", 1, max(n, -n))
			if err != nil {
				return err
			}
			vectors[n] = t
		}
	}
	times, err := r.timed(ctx, p.Device(), vectors[-list[0].Rows], func(rec *gpu.Recorder) {
		for _, m := range list {
			ops.LinearEach(rec, vectors[-m.Rows], vectors[m.Cols], m)
		}
	})
	if err != nil {
		return err
	}
	read := float64(p.DecodeBytes()) / 1e9
	r.add(result{group: "decode", name: "the products in a token, alone", times: times, amount: read, unit: "GB/s", work: read, best: r.ReadRate})
	return nil
}

func (r *Report) decode(ctx context.Context, s *model.Session, p *model.Pixtral, depth int) error {
	c := r.collect()
	meter := startMeter(p.Device())
	n := 0
	for c.more() {
		if err := s.Sync(ctx, prompt(p, depth)); err != nil {
			return err
		}
		c.begin()
		for _, err := range s.Generate(ctx, model.Sampler{}, 0) {
			if err != nil {
				return err
			}
			if n++; n == warmUps {
				meter.stop(n)
				meter, n = startMeter(p.Device()), 0
			}
			if c.end(); !c.more() {
				break
			}
		}
	}
	cost := meter.stop(n)
	read := float64(p.DecodeBytes() + s.CacheBytes(depth))
	r.add(result{
		group: "decode", name: fmt.Sprintf("a token behind %d", depth), times: c.sorted(),
		amount: 1, unit: "tok/s", work: read / 1e9, best: r.ReadRate, note: cost.String(),
	})
	return nil
}

// Prefill measures prompts of the given lengths.
func (r *Report) Prefill(ctx context.Context, p *model.Pixtral, lengths []int) error {
	for _, n := range lengths {
		s, err := p.NewSession(model.SessionOptions{Context: n + 16, KV: r.KV})
		if err != nil {
			return err
		}
		flip := false
		times, err := r.sample(ctx, func() error {
			q := prompt(p, n)
			if flip = !flip; flip {
				q.Tokens[0] = 19 // another prompt: nothing of the last can be kept
			}
			if err := s.Sync(ctx, q); err != nil {
				return err
			}
			_, err := s.Best()
			return err
		})
		s.Close()
		if err != nil {
			return err
		}
		r.add(result{
			group: "prefill", name: plural(n, "token"), times: times,
			amount: float64(n), unit: "tok/s", work: promptFLOP(p.Config, n) / 1e9, best: r.MathRate,
		})
	}
	return nil
}

// Vision measures the encoding of square pictures of the given sides.
func (r *Report) Vision(ctx context.Context, p *model.Pixtral, sides []int) error {
	seed := float32(0)
	for _, side := range sides {
		times, err := r.sample(ctx, func() error {
			seed += 0.125
			img, err := image(p, side, seed)
			if err != nil {
				return err
			}
			return p.Encode(ctx, img)
		})
		if err != nil {
			return err
		}
		patches := side / p.Config.VisionEncoder.PatchSize * (side / p.Config.VisionEncoder.PatchSize)
		r.add(result{
			group: "vision", name: fmt.Sprintf("%d² pixels, %s", side, plural(patches, "patch")), times: times,
			amount: 1, unit: "images/s", work: imageFLOP(p.Config, patches) / 1e9, best: r.MathRate,
		})
	}
	return nil
}

// TTFT measures the time to the first token of a picture of a side and a
// question of 100 tokens.
func (r *Report) TTFT(ctx context.Context, p *model.Pixtral, side int) error {
	img, err := image(p, side, 0)
	if err != nil {
		return err
	}
	n := img.Grid.Tokens()
	s, err := p.NewSession(model.SessionOptions{Context: n + 128, KV: r.KV})
	if err != nil {
		return err
	}
	defer s.Close()
	seed := float32(0)
	times, err := r.sample(ctx, func() error {
		seed += 0.125
		if img, err = image(p, side, seed); err != nil {
			return err
		}
		q := prompt(p, 100)
		q.Tokens = append(layout(p, img.Grid), q.Tokens...)
		q.Images = []*pixels.Patches{img}
		if err := s.Sync(ctx, q); err != nil {
			return err
		}
		_, err = s.Best()
		return err
	})
	if err != nil {
		return err
	}
	flop := imageFLOP(p.Config, img.Grid.Patches()) + promptFLOP(p.Config, n+100)
	r.add(result{
		group: "ttft", name: fmt.Sprintf("a picture of %d² and 100 tokens", side), times: times,
		amount: 1, unit: "prompts/s", work: flop / 1e9, best: r.MathRate,
	})
	return nil
}

// layout returns the tokens of an image without a tokenizer.
func layout(p *model.Pixtral, g tokenizer.Grid) (list []tokenizer.Token) {
	v := p.Config.VisionEncoder
	for row := range g.Rows {
		for range g.Cols {
			list = append(list, tokenizer.Token(v.ImageTokenID))
		}
		end := v.ImageBreakTokenID
		if row == g.Rows-1 {
			end = v.ImageEndTokenID
		}
		list = append(list, tokenizer.Token(end))
	}
	return list
}
