package eval

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"pixtral-wgpu/remote"
)

const ifevalTokens = 1280 // as the authors' own runs; longer answers are cut

// IFEval checks instructions that a program can verify (arXiv 2311.07911): 541
// prompts with one to three of 25 types. A loose check also passes if the
// answer does without its markdown asterisks, its first or its last line. The
// announcement does not say which of the four numbers it gives.
var ifeval = &Task{
	Name: "ifeval", Source: "google/IFEval", Split: "train",
	Metrics: []Metric{
		following("prompt_strict", "all instructions of a prompt are followed", false, false),
		following("prompt_loose", "the same, of the answer or one of its variants", true, false),
		following("instruction_strict", "share of the instructions that are followed", false, true),
		following("instruction_loose", "the same, of the answer or one of its variants", true, true),
	},
	known: []Known{announced(61.3)},
	items: ifevalItem,
}

// An instruction is a check with its arguments.
type instruction struct {
	id      string
	follows func(answer string) bool
}

func ifevalItem(row Row, n int) ([]Item, error) {
	prompt, err := row.text("prompt")
	if err != nil {
		return nil, err
	}
	ids, err := row.texts("instruction_id_list")
	if err != nil {
		return nil, err
	}
	kwargs, ok := row.Columns["kwargs"].([]any)
	if !ok || len(kwargs) != len(ids) {
		return nil, fmt.Errorf(`"kwargs" is not a list of %d, one for each instruction`, len(ids))
	}
	var list []instruction
	for i, id := range ids {
		made, ok := instructions[id]
		if !ok {
			return nil, fmt.Errorf("there is no instruction %q", id)
		}
		var args instructionArgs
		if data, err := json.Marshal(kwargs[i]); err != nil {
			return nil, err
		} else if err := json.Unmarshal(data, &args); err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		}
		list = append(list, instruction{id, made(args)})
	}
	items := one(row.optional("key"), n, ask(ifevalTokens, remote.Text(prompt)), ids, nil)
	items[0].check = list
	return items, nil
}

// following makes one of the four metrics: loose or strict, and of prompts or
// of single instructions, which weigh as many as there are in a prompt.
func following(name, about string, loose, single bool) Metric {
	return Metric{Name: name, About: about, Most: 1, score: func(_ context.Context, _ scoring, item *Item, answers []string) (Judgement, error) {
		list := item.check.([]instruction)
		answer := answers[len(answers)-1]
		followed := 0.0
		for _, in := range list {
			if in.followed(answer, loose) {
				followed++
			}
		}
		if single {
			return Judgement{Score: followed / float64(len(list)), Weight: float64(len(list))}, nil
		}
		if int(followed) == len(list) {
			return Judgement{Score: 1}, nil
		}
		return Judgement{}, nil
	}}
}

func (in instruction) followed(answer string, loose bool) bool {
	variants := []string{answer}
	if loose {
		lines := strings.Split(answer, "\n")
		join := func(from, to int) string {
			if from > to {
				return ""
			}
			return strings.TrimSpace(strings.Join(lines[from:to], "\n"))
		}
		n := len(lines)
		variants = append(variants, join(1, n), join(0, n-1), join(1, n-1))
		for _, v := range variants[:4] {
			variants = append(variants, strings.ReplaceAll(v, "*", ""))
		}
	}
	for _, v := range variants {
		if strings.TrimSpace(v) != "" && in.follows(v) {
			return true
		}
	}
	return false
}
