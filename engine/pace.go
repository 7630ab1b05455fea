package engine

import (
	"time"

	"pixtral-wgpu/model"
)

// patience is how long a part of a prompt may hold up the answers of others; tests
// have others.
var patience = 200 * time.Millisecond

// A pace says how much of the prompts to evaluate between two tokens of the
// answers: as much as takes about patience, by what parts before it took.
type pace struct {
	most  int
	limit float64       // rows in patience
	step  time.Duration // a token of every answer, about
}

func newPace(most int) pace { return pace{most: most, limit: 2 * model.Page} }

// rows returns how many positions of prompts to evaluate.
func (p *pace) rows(answering bool) int {
	if !answering {
		return p.most
	}
	return min(p.most, max(model.Page, int(p.limit)))
}

// learn takes how long a step took in which so many positions of prompts were
// evaluated, and answers went on or not.
func (p *pace) learn(rows int, answering bool, took time.Duration) {
	switch {
	case !answering:
	case rows == 0:
		p.step = (3*p.step + took) / 4
	case rows >= min(int(p.limit), p.most)/2: // too few tell nothing
		took = max(took-p.step, time.Millisecond)
		p.limit *= min(max(float64(rows)/p.limit*float64(patience)/float64(took), 0.5), 2)
		p.limit = min(max(p.limit, model.Page), float64(p.most))
	}
}
