package inspect

import (
	"context"
	"fmt"
	"image"

	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/tokenizer"
)

// recall returns what is kept under a key, or makes it with f on the device.
func recall[V any](ctx context.Context, i *Inspection, key string, size func(V) int, f func(ctx context.Context, p *model.Pixtral) (V, error)) (v V, err error) {
	err = i.with(ctx, func(ctx context.Context, p *model.Pixtral) error {
		if kept, ok := i.seen.get(key).(V); ok {
			v = kept
			return nil
		}
		var err error
		if v, err = f(ctx, p); err == nil {
			i.seen.put(key, v, size(v))
		}
		return err
	})
	return v, err
}

func visitBytes(v *model.Visit) int { return 4 * (len(v.Attention) + len(v.Residual)) }

// Attention returns the attention rows of a position: of all layers or of some,
// head by head or folded.
func (i *Inspection) Attention(ctx context.Context, position int, layers []int, fold ops.Fold) (*model.Visit, error) {
	if n := i.len(); position < 0 || position >= n {
		return nil, outOf("position", position, n)
	}
	key := fmt.Sprintf("attention %d %v %d", position, layers, fold)
	return recall(ctx, i, key, visitBytes, func(ctx context.Context, p *model.Pixtral) (*model.Visit, error) {
		return i.session.Visit(ctx, position, model.Look{Layers: layers, Heads: fold, NoResidual: true})
	})
}

// Patch is Attention of a patch in the image encoder.
func (i *Inspection) Patch(ctx context.Context, img, patch int, layers []int, fold ops.Fold) (*model.Visit, error) {
	if img < 0 || img >= len(i.Prompt.Images) {
		return nil, outOf("image", img, len(i.Prompt.Images))
	}
	if n := i.Prompt.Images[img].Grid.Patches(); patch < 0 || patch >= n {
		return nil, outOf("patch", patch, n)
	}
	key := fmt.Sprintf("patch %d %d %v %d", img, patch, layers, fold)
	return recall(ctx, i, key, visitBytes, func(ctx context.Context, p *model.Pixtral) (*model.Visit, error) {
		return p.VisitPatch(ctx, i.Prompt.Images[img], patch, model.Look{Layers: layers, Heads: fold, NoResidual: true})
	})
}

// mostRollout is of how many tokens a rollout may be: its tables grow by their
// square and its work by their cube.
const mostRollout = 6144

// Rollout returns the rollout of the last token of the prompt and of the answer.
func (i *Inspection) Rollout(ctx context.Context) (*model.Rollout, error) {
	size := func(o *model.Rollout) (n int) {
		for _, l := range o.Layers {
			n += 4 * len(l)
		}
		return n
	}
	return recall(ctx, i, "rollout", size, func(ctx context.Context, p *model.Pixtral) (*model.Rollout, error) {
		all := i.tokens()
		if n := len(all.Tokens); n > mostRollout {
			return nil, fault("a rollout of %d tokens; it is offered for up to %d, smaller pictures have fewer", n, mostRollout)
		}
		return p.Rollout(ctx, all, len(i.Prompt.Tokens)-1)
	})
}

// RolloutImage returns the rollout of an image's patches through the encoder.
func (i *Inspection) RolloutImage(ctx context.Context, img int) (*model.Rollout, error) {
	if img < 0 || img >= len(i.Prompt.Images) {
		return nil, outOf("image", img, len(i.Prompt.Images))
	}
	size := func(o *model.Rollout) int { return 4 * len(o.Layers) * o.Keys * o.Keys }
	return recall(ctx, i, fmt.Sprintf("image rollout %d", img), size, func(ctx context.Context, p *model.Pixtral) (*model.Rollout, error) {
		return p.RolloutImage(ctx, i.Prompt.Images[img])
	})
}

// Lens returns the likeliest tokens of a position by the logit lens: before the
// first layer and after each.
func (i *Inspection) Lens(ctx context.Context, position, top int) ([][]model.LogProb, error) {
	if n := i.len(); position < 0 || position >= n {
		return nil, outOf("position", position, n)
	}
	key := fmt.Sprintf("lens %d %d", position, top)
	return recall(ctx, i, key, guessBytes, func(ctx context.Context, p *model.Pixtral) ([][]model.LogProb, error) {
		v, err := i.session.Visit(ctx, position, model.Look{NoAttention: true})
		if err != nil {
			return nil, err
		}
		return p.Lens(ctx, v.Residual, top)
	})
}

func guessBytes(rows [][]model.LogProb) (n int) {
	for _, r := range rows {
		n += 8 * len(r)
	}
	return n
}

// LensImage returns the likeliest token of each patch of an image after a layer
// (-1: before the first).
func (i *Inspection) LensImage(ctx context.Context, img, layer int) ([][]model.LogProb, error) {
	if img < 0 || img >= len(i.Prompt.Images) {
		return nil, outOf("image", img, len(i.Prompt.Images))
	}
	key := fmt.Sprintf("image lens %d %d", img, layer)
	return recall(ctx, i, key, guessBytes, func(ctx context.Context, p *model.Pixtral) ([][]model.LogProb, error) {
		if layer < -1 || layer >= p.Config.Layers {
			return nil, outOf("layer", layer, p.Config.Layers)
		}
		rows, err := p.Residuals(ctx, i.Prompt, layer)
		if err != nil {
			return nil, err
		}
		var mine []float32
		dim := p.Config.Dim
		for _, at := range Places(p.Config, i.Prompt)[img] {
			mine = append(mine, rows[at*dim:(at+1)*dim]...)
		}
		return p.Lens(ctx, mine, 3)
	})
}

// Places returns the positions of the patches of each image of a prompt.
func Places(c *model.Config, prompt model.Prompt) [][]int {
	list := make([][]int, len(prompt.Images))
	img := 0
	for at, tok := range prompt.Tokens {
		if c.VisionEncoder == nil || int32(tok) != c.VisionEncoder.ImageTokenID {
			continue
		}
		list[img] = append(list[img], at)
		if len(list[img]) == prompt.Images[img].Grid.Patches() {
			img++
		}
	}
	return list
}

// A Hidden is what becomes of an answer when a region of a picture is hidden.
type Hidden struct {
	Region        image.Rectangle // in pixels of the resized picture
	Before, After []float32       // log-probability of each token of the answer
	Answer        []tokenizer.Token
	Text          string // what the model answers now
}

// Hide hides a region of an image, in pixels of the picture as it came, behind
// the picture's mean colour, scores the answer again and asks for a new one.
func (i *Inspection) Hide(ctx context.Context, img int, region image.Rectangle) (*Hidden, error) {
	if img < 0 || img >= len(i.Prompt.Images) {
		return nil, outOf("image", img, len(i.Prompt.Images))
	}
	whole := i.Prompt.Images[img]
	h := &Hidden{Region: seenRegion(whole, region)}
	if h.Region.Empty() {
		return nil, fault("the region %v lies outside the picture of %d by %d pixels", region, whole.Source.Width, whole.Source.Height)
	}
	return h, i.with(ctx, func(ctx context.Context, p *model.Pixtral) error {
		prompt := i.Prompt
		prompt.Images = append([]*pixels.Patches(nil), prompt.Images...)
		prompt.Images[img] = whole.Hide(h.Region)
		var answer []tokenizer.Token
		for _, c := range i.answer {
			answer = append(answer, c.Token)
			h.Before = append(h.Before, c.LogProb)
		}
		s, err := p.NewSession(model.SessionOptions{Context: i.context})
		if err != nil {
			return err
		}
		defer s.Close()
		if h.After, err = s.Score(ctx, prompt, answer); err != nil {
			return err
		}
		room := min(len(answer)+16, i.context-len(prompt.Tokens)-1)
		reply, err := s.Reply(ctx, model.Request{Prompt: prompt, MaxTokens: max(room, 1)}, nil)
		if err != nil {
			return err
		}
		h.Answer, h.Text = reply.Tokens, reply.Text
		return nil
	})
}

// seenRegion turns a region of the picture as it came into one of the resized
// picture: all pixels that it touches.
func seenRegion(p *pixels.Patches, r image.Rectangle) image.Rectangle {
	r = r.Intersect(image.Rect(0, 0, p.Source.Width, p.Source.Height))
	down := func(v, from, to int) int { return v * to / from }
	up := func(v, from, to int) int { return (v*to + from - 1) / from }
	return image.Rect(
		down(r.Min.X, p.Source.Width, p.Width), down(r.Min.Y, p.Source.Height, p.Height),
		up(r.Max.X, p.Source.Width, p.Width), up(r.Max.Y, p.Source.Height, p.Height))
}
