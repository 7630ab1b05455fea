package model

import (
	"cmp"
	"math"
	"slices"

	"pixtral-wgpu/tokenizer"
)

// A LogProb is a token and the natural logarithm of its probability.
type LogProb struct {
	Token   tokenizer.Token
	LogProb float32
}

// LogProbs returns the log-probability of a token by softmax(logits), and the
// n likeliest tokens, likeliest first, of equals the lower id.
func LogProbs(logits []float32, tok tokenizer.Token, n int) (float32, []LogProb) {
	greatest := float64(logits[argmax(logits)])
	sum := 0.0
	for _, l := range logits {
		sum += math.Exp(float64(l) - greatest)
	}
	total := greatest + math.Log(sum)
	likelier := func(a, b LogProb) int {
		return cmp.Or(cmp.Compare(b.LogProb, a.LogProb), cmp.Compare(a.Token, b.Token))
	}
	n = min(n, len(logits))
	top := make([]LogProb, 0, n+1)
	for i, l := range logits {
		if n == 0 || len(top) == n && l <= top[n-1].LogProb {
			continue
		}
		c := LogProb{tokenizer.Token(i), l}
		at, _ := slices.BinarySearchFunc(top, c, likelier)
		top = slices.Insert(top, at, c)[:min(n, len(top)+1)]
	}
	for i := range top {
		top[i].LogProb = float32(float64(top[i].LogProb) - total)
	}
	return float32(float64(logits[tok]) - total), top
}
