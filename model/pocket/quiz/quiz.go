// Package quiz asks a model the held-out questions about pictures that the
// embedded model was not trained on, and counts the right answers.
package quiz

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/tokenizer"
)

// An Item is a question about pictures with its one right answer: a line of
// items.jsonl, which heldout.py wrote.
type Item struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	Images   []string  `json:"images"`  // files beside items.jsonl
	System   string    `json:"system"`  // prompt; "" if there is none
	History  []string  `json:"history"` // the first turn's question and answer, if this is the second
	Question string    `json:"question"`
	Answer   string    `json:"answer"`
	Box      []float64 `json:"box"` // left, top, right, bottom of the one thing meant, in pixels

	dir string
}

// Items reads dir/items.jsonl.
func Items(dir string) ([]Item, error) {
	data, err := os.ReadFile(filepath.Join(dir, "items.jsonl"))
	if err != nil {
		return nil, fmt.Errorf("quiz: %w", err)
	}
	var items []Item
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		item := Item{dir: dir}
		if err := json.Unmarshal(lines.Bytes(), &item); err != nil {
			return nil, fmt.Errorf("quiz: items.jsonl:%d: %w", n, err)
		}
		items = append(items, item)
	}
	return items, lines.Err()
}

// Prompt makes the prompt of an item.
func (it Item) Prompt(p *model.Pixtral) (model.Prompt, error) {
	chat := &tokenizer.Chat{Model: p.Name}
	if it.System != "" {
		chat.Messages = append(chat.Messages, tokenizer.SystemMessage(it.System))
	}
	first, last := it.Question, ""
	if len(it.History) == 2 {
		first, last = it.History[0], it.Question
	}
	var parts []tokenizer.Part
	var images []*pixels.Patches
	for _, name := range it.Images {
		img, err := it.image(p, name)
		if err != nil {
			return model.Prompt{}, fmt.Errorf("quiz: %s: %w", name, err)
		}
		images = append(images, img)
		parts = append(parts, tokenizer.Image(name))
	}
	chat.Messages = append(chat.Messages, tokenizer.UserMessage(append(parts, tokenizer.Text(first))...))
	if last != "" {
		chat.Messages = append(chat.Messages, tokenizer.AssistantMessage(it.History[1]), tokenizer.UserMessage(tokenizer.Text(last)))
	}
	return p.EncodeChat(chat, images)
}

func (it Item) image(p *model.Pixtral, name string) (*pixels.Patches, error) {
	data, err := os.ReadFile(filepath.Join(it.dir, name))
	if err != nil {
		return nil, err
	}
	img, err := pixels.Decode(data, pixels.Options{})
	if err != nil {
		return nil, err
	}
	v := p.Config.VisionEncoder
	return pixels.Preprocess(img, v.PatchSize, v.ImageSize)
}

// A Score counts answers.
type Score struct{ Right, Asked int }

// Percent returns the share of right answers.
func (s Score) Percent() float64 { return 100 * float64(s.Right) / float64(max(s.Asked, 1)) }

// Ask asks every item, greedily, and returns the scores by kind, and under "all"
// that of all. each, if not nil, is told of every answer.
func Ask(ctx context.Context, p *model.Pixtral, items []Item, each func(it Item, answer string)) (map[string]Score, error) {
	s, err := p.NewSession(model.SessionOptions{Context: 2048})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	scores := map[string]Score{}
	for _, it := range items {
		prompt, err := it.Prompt(p)
		if err != nil {
			return nil, err
		}
		reply, err := s.Reply(ctx, model.Request{Prompt: prompt, MaxTokens: 64}, nil)
		if err != nil {
			return nil, fmt.Errorf("quiz: %s: %w", it.ID, err)
		}
		answer := strings.TrimSpace(reply.Text)
		for _, kind := range []string{it.Kind, "all"} {
			n := scores[kind]
			n.Asked++
			if answer == it.Answer {
				n.Right++
			}
			scores[kind] = n
		}
		if each != nil {
			each(it, answer)
		}
	}
	return scores, nil
}

// Divergence returns the mean over the tokens of the right answers of the
// Kullback-Leibler divergence KL(p‖q), in nats, of q's choice of the next token
// from p's.
func Divergence(ctx context.Context, p, q *model.Pixtral, items []Item) (float64, error) {
	sum, n := 0.0, 0
	for _, it := range items {
		prompt, err := it.Prompt(p)
		if err != nil {
			return 0, err
		}
		begin := len(prompt.Tokens) - 1
		prompt.Tokens = append(prompt.Tokens, p.Tokenizer.Encode(it.Answer)...)
		var logits [2][]float32
		for i, m := range []*model.Pixtral{p, q} {
			if logits[i], err = all(ctx, m, prompt); err != nil {
				return 0, err
			}
		}
		for at := begin; at < len(prompt.Tokens); at++ {
			v := p.Config.VocabSize
			sum += kl(logits[0][at*v:(at+1)*v], logits[1][at*v:(at+1)*v])
			n++
		}
	}
	return sum / float64(max(n, 1)), nil
}

// all returns the logits of every position.
func all(ctx context.Context, p *model.Pixtral, prompt model.Prompt) ([]float32, error) {
	s, err := p.NewSession(model.SessionOptions{Context: len(prompt.Tokens) + 1, AllLogits: true})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	values := &model.Values{}
	s.Tap = values.Tap(func(name string) bool { return name == "logits" })
	if err := s.Sync(ctx, prompt); err != nil {
		return nil, err
	}
	return values.ByName["logits"].Data, nil
}

// kl returns KL(softmax(a)‖softmax(b)).
func kl(a, b []float32) (sum float64) {
	za, zb := logSum(a), logSum(b)
	for i := range a {
		pa := float64(a[i]) - za
		sum += math.Exp(pa) * (pa - float64(b[i]) + zb)
	}
	return sum
}

// logSum returns the logarithm of the sum of exp(x).
func logSum(x []float32) float64 {
	most := math.Inf(-1)
	for _, v := range x {
		most = max(most, float64(v))
	}
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(float64(v) - most)
	}
	return most + math.Log(sum)
}
