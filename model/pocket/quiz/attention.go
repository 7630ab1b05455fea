package quiz

import (
	"context"
	"fmt"
	"math"
	"strings"

	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/tokenizer"
)

// A Glance is where a model looks when it picks the key word of an answer: the
// last word that names a colour or a shape, as "red" in "The star is red."
type Glance struct {
	Share float64   // of the picture's area inside the box
	Mass  []float64 // of the attention over the picture inside the box, by layer, a mean over the heads
}

// keyWords are the colours and shapes of the pocket model's world.
var keyWords = strings.Fields("red green blue yellow orange purple black white circle square triangle star cross diamond")

// Attend runs an item of one picture and a box with its right answer, and
// returns where the position that the key word is picked at looks.
func Attend(ctx context.Context, p *model.Pixtral, it Item) (Glance, error) {
	prompt, err := it.Prompt(p)
	if err != nil {
		return Glance{}, err
	}
	answer := p.Tokenizer.Encode(it.Answer)
	key := keyWord(p, answer)
	if len(prompt.Images) != 1 || len(it.Box) != 4 || key < 0 {
		return Glance{}, fmt.Errorf("quiz: %s has no one picture, box and key word", it.ID)
	}
	at := len(prompt.Tokens) + key - 1
	prompt.Tokens = append(prompt.Tokens, answer...)
	s, err := p.NewSession(model.SessionOptions{Context: len(prompt.Tokens) + 1})
	if err != nil {
		return Glance{}, err
	}
	defer s.Close()
	if err := s.Sync(ctx, prompt); err != nil {
		return Glance{}, err
	}
	visit, err := s.Visit(ctx, at, model.Look{Heads: ops.MeanHead, NoResidual: true})
	if err != nil {
		return Glance{}, err
	}
	inside, share := it.cover(prompt.Images[0])
	g := Glance{Share: share}
	for i := range visit.Layers {
		patch, seen, hit := 0, 0.0, 0.0
		for j, w := range visit.Row(i, 0) {
			if int32(prompt.Tokens[j]) == p.Config.VisionEncoder.ImageTokenID {
				seen += float64(w)
				hit += float64(w) * inside[patch]
				patch++
			}
		}
		g.Mass = append(g.Mass, hit/seen)
	}
	return g, nil
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

// Ratio returns the mean mass inside the boxes over the mean share of the
// boxes, in the layer where it is greatest.
func Ratio(glances []Glance) (layer int, ratio, mass, share float64) {
	if len(glances) == 0 {
		return 0, math.NaN(), 0, 0
	}
	sums := make([]float64, len(glances[0].Mass))
	for _, l := range glances {
		share += l.Share / float64(len(glances))
		for i, m := range l.Mass {
			sums[i] += m / float64(len(glances))
		}
	}
	for i, m := range sums {
		if m > mass {
			layer, mass = i, m
		}
	}
	return layer, mass / share, mass, share
}
