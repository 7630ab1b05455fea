package eval

import (
	"context"
	"fmt"
	"regexp"
	"strconv"

	"pixtral-wgpu/remote"
)

// A judge rates an answer of 1 to 10, greedily, in at most so many tokens.
const judgeTokens = 2048

// judgeTries is how often a judge that gives no rating is asked again, each
// time with another seed: a greedy one would say the same.
const judgeTries = 4

var rating = regexp.MustCompile(`\[\[(\d+\.?\d*)\]\]`)

// judged makes a metric of what a judge is shown of an answer.
func judged(show func(item *Item, answer string) []remote.Message) Metric {
	return Metric{Name: "score", About: "the judge's rating, 1 to 10", Most: 10,
		score: func(ctx context.Context, with scoring, item *Item, answers []string) (Judgement, error) {
			return rate(ctx, with.judge, show(item, answers[len(answers)-1]))
		}}
}

// rate asks until a rating can be read.
func rate(ctx context.Context, judge *remote.Client, messages []remote.Message) (Judgement, error) {
	request := remote.Request{Messages: messages, MaxTokens: judgeTokens, Temperature: &zero}
	words := ""
	for try := range judgeTries {
		if try > 0 {
			seed, warm := uint64(try), 0.5
			request.Seed, request.Temperature = &seed, &warm
		}
		reply, err := judge.Chat(ctx, request, nil)
		if err != nil {
			return Judgement{}, fmt.Errorf("the judge: %w", err)
		}
		words = reply.Text
		if at := rating.FindStringSubmatch(words); at != nil {
			score, err := strconv.ParseFloat(at[1], 64)
			if err == nil && score >= 0 && score <= 10 {
				return Judgement{Score: score, Words: words}, nil
			}
		}
	}
	return Judgement{}, fmt.Errorf("the judge gave no rating of 1 to 10 in %d tries; its last words: %.200q", judgeTries, words)
}
