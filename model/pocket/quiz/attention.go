package quiz

import (
	"context"
	"fmt"
	"math"
	"path"
	"strings"

	"pixtral-wgpu/gpu/ref"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/tokenizer"
)

// A Look is where a model looks when it picks the key word of an answer: the
// last word that names a colour or a shape, as "red" in "The star is red."
type Look struct {
	Share float64   // of the picture's area inside the box
	Mass  []float64 // of the attention over the picture inside the box, by layer, a mean over the heads
}

// keyWords are the colours and shapes of the pocket model's world.
var keyWords = strings.Fields("red green blue yellow orange purple black white circle square triangle star cross diamond")

// Attend runs an item of one picture and a box with its right answer, and
// returns where the position that the key word is picked at looks.
func Attend(ctx context.Context, p *model.Pixtral, it Item) (Look, error) {
	prompt, err := it.Prompt(p)
	if err != nil {
		return Look{}, err
	}
	answer := p.Tokenizer.Encode(it.Answer)
	key := keyWord(p, answer)
	if len(prompt.Images) != 1 || len(it.Box) != 4 || key < 0 {
		return Look{}, fmt.Errorf("quiz: %s has no one picture, box and key word", it.ID)
	}
	row := len(prompt.Tokens) + key - 1
	prompt.Tokens = append(prompt.Tokens, answer...)
	s, err := p.NewSession(model.SessionOptions{Context: len(prompt.Tokens) + 1})
	if err != nil {
		return Look{}, err
	}
	defer s.Close()
	values := &model.Values{}
	s.Tap = values.Tap(func(name string) bool {
		found, _ := path.Match("layers.*.attention.[qk]_rotated", name)
		return found
	})
	if err := s.Sync(ctx, prompt); err != nil {
		return Look{}, err
	}
	inside, share := it.cover(prompt.Images[0])
	look := Look{Share: share}
	for layer := range p.Config.Layers {
		name := fmt.Sprintf("layers.%d.attention.", layer)
		weights := weights(p.Config, values.ByName[name+"q_rotated"].Data, values.ByName[name+"k_rotated"].Data, row)
		patch, seen, hit := 0, 0.0, 0.0
		for i, w := range weights {
			if int32(prompt.Tokens[i]) == p.Config.VisionEncoder.ImageTokenID {
				seen += w
				hit += w * inside[patch]
				patch++
			}
		}
		look.Mass = append(look.Mass, hit/seen)
	}
	return look, nil
}

// keyWord returns which token of an answer is its last colour or shape, or -1.
func keyWord(p *model.Pixtral, answer []tokenizer.Token) int {
	for i := len(answer) - 1; i >= 0; i-- {
		text := strings.TrimSpace(string(p.Tokenizer.Bytes(answer[i])))
		for _, word := range keyWords {
			if strings.EqualFold(text, word) {
				return i
			}
		}
	}
	return -1
}

// cover returns how much of each patch lies inside the item's box, from 0 to 1,
// and how much of the picture does.
func (it Item) cover(img *pixels.Patches) (inside []float64, share float64) {
	g, wide, high := img.Grid, float64(img.Source.Width), float64(img.Source.Height)
	overlap := func(i, n int, from, to float64) float64 {
		a, b := float64(i)/float64(n), float64(i+1)/float64(n)
		return max(0, min(b, to)-max(a, from)) * float64(n)
	}
	for r := range g.Rows {
		for c := range g.Cols {
			part := overlap(c, g.Cols, it.Box[0]/wide, it.Box[2]/wide) * overlap(r, g.Rows, it.Box[1]/high, it.Box[3]/high)
			inside = append(inside, part)
			share += part / float64(g.Rows*g.Cols)
		}
	}
	return inside, share
}

// weights returns the attention of a row over all positions, a mean over the heads.
func weights(c *model.Config, q, k []float32, row int) []float64 {
	mean := make([]float64, len(k)/(c.KVHeads*c.HeadDim))
	for h := range c.Heads {
		for i, w := range ref.Weights(q[(row*c.Heads+h)*c.HeadDim:][:c.HeadDim], k, c.KVHeads, h/(c.Heads/c.KVHeads), row+1) {
			mean[i] += w / float64(c.Heads)
		}
	}
	return mean
}

// Ratio returns the mean mass inside the boxes over the mean share of the
// boxes, in the layer where it is greatest.
func Ratio(looks []Look) (layer int, ratio, mass, share float64) {
	if len(looks) == 0 {
		return 0, math.NaN(), 0, 0
	}
	sums := make([]float64, len(looks[0].Mass))
	for _, l := range looks {
		share += l.Share / float64(len(looks))
		for i, m := range l.Mass {
			sums[i] += m / float64(len(looks))
		}
	}
	for i, m := range sums {
		if m > mass {
			layer, mass = i, m
		}
	}
	return layer, mass / share, mass, share
}
