// Package eval asks a model the questions of public benchmarks and counts.
//
// Pixtral's announcement rests on one protocol for every model, open or
// closed: the same prompts, the same metrics (arXiv 2410.07073, section 4 and
// appendix A; the released harness is github.com/mistralai/mistral-evals). A
// Task is one of its benchmarks; Run puts its items to any engine behind an
// OpenAI-compatible endpoint, this program's own included, and keeps a log
// that a run killed halfway goes on from; Compare pairs two logs item by item.
package eval

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"pixtral-wgpu/remote"
)

// A Task is a benchmark: how its rows become questions, and what counts.
type Task struct {
	Name    string
	Source  string   // where its data is published
	Split   string   // of the data, that the announcement used
	Metrics []Metric // the first is the one that is reported
	Groups  []string // names in Meta by which means are given too
	Judged  bool     // its metrics ask a judge

	items   func(row Row, n int) ([]Item, error)
	prepare func(t *Task, path string) error // reads what items needs beside the rows
	known   []Known
}

// An Item is one question put to a model.
type Item struct {
	ID         string
	Request    remote.Request
	References []string
	Meta       map[string]string // category, subject and the like
	further    []string          // what the user says after the answer, turn by turn
	check      any               // what a metric needs beyond the references
}

// A Metric scores an answer, 0 to 1 unless it says otherwise.
type Metric struct {
	Name  string
	About string // what it is, in a line
	Most  float64
	score func(ctx context.Context, with scoring, item *Item, answers []string) (Judgement, error)
}

// A Judgement is a score, what it weighs in the mean (0 means 1), and the words
// of the judge that gave it if one did.
type Judgement struct {
	Score, Weight float64
	Words         string
}

// scoring is what scoring may use.
type scoring struct {
	judge   *remote.Client
	runCode bool
}

// A Known is a published figure.
type Known struct {
	Who   string
	Value float64
	Where string
}

// Known returns the published figures for the reported metric.
func (t *Task) Known() []Known { return t.known }

// Tasks are the benchmarks there are.
var Tasks = []*Task{mmmu, mathvista, chartqa, docvqa, vqav2, mmMTBench, mmlu, math500, humaneval, ifeval, mtbench}

// Find returns a task by its name, or that of a file of a person's own ending
// in .jsonl.
func Find(name string) (*Task, error) {
	if kindOf(name) == ".jsonl" {
		return Own(name), nil
	}
	var names []string
	for _, t := range Tasks {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return nil, fmt.Errorf("there is no task %q; there are %s, and a file of your own ending in .jsonl", name, strings.Join(names, ", "))
}

// Open opens a task's data, and returns the task as it stands for them.
func (t *Task) Open(path string) (*Task, *Data, error) {
	d, err := OpenData(path, t.Split)
	if err != nil {
		return nil, nil, err
	}
	ready := *t
	if t.prepare != nil {
		err = t.prepare(&ready, path)
	}
	return &ready, d, err
}

// Items yields the items of the first limit rows, all if it is 0.
func (t *Task) Items(d *Data, limit int) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		n := 0
		for row, err := range d.Rows() {
			if limit > 0 && n == limit {
				return
			}
			var items []Item
			if err == nil {
				if items, err = t.items(row, n); err != nil {
					err = fmt.Errorf("%s: row %d: %w", t.Name, n+1, err)
				}
			}
			if err != nil {
				yield(Item{}, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			n++
		}
	}
}

// byReferences makes a metric of a function of the answer and the references.
func byReferences(name, about string, f func(answer string, references []string) float64) Metric {
	return Metric{Name: name, About: about, Most: 1,
		score: func(_ context.Context, _ scoring, item *Item, answers []string) (Judgement, error) {
			return Judgement{Score: f(answers[len(answers)-1], item.References)}, nil
		}}
}

var zero = 0.0

// ask makes a request of one user message, decoded greedily.
func ask(maxTokens int, parts ...remote.Part) remote.Request {
	return remote.Request{Messages: []remote.Message{{Role: "user", Parts: parts}}, MaxTokens: maxTokens, Temperature: &zero}
}
