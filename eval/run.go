package eval

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"pixtral-wgpu/remote"
)

// Options of a run; the zero value is right.
type Options struct {
	Limit    int            // rows; 0 means all
	Parallel int            // requests in flight; 0 means 8, as in the released harness
	Judge    *remote.Client // needed by tasks that are judged
	RunCode  bool           // allows tasks to run what the model wrote
	Progress func(done, total int, running float64)
}

// A Result is what a run, or a log, comes to.
type Result struct {
	Task    *Task
	Header  Header
	Metrics []Scored
	Cut     int // answers cut at their longest
}

// A Scored is a metric over all items and over groups of them.
type Scored struct {
	Metric Metric
	Mean   Mean
	Groups map[string]map[string]Mean // by the name in Meta and its value
}

// An ItemError is an item that got no answer or no score.
type ItemError struct {
	ID  string
	Err error
}

func (e *ItemError) Error() string { return fmt.Sprintf("item %s: %v", e.ID, e.Err) }
func (e *ItemError) Unwrap() error { return e.Err }

// mostFailed is after how many failed items a run gives up: the engine is gone.
const mostFailed = 20

// Run asks client every item that the log does not have yet, and logs the
// answers with their scores. Items that fail are told at the end, joined, and
// tried again by the next run.
func Run(ctx context.Context, t *Task, d *Data, client *remote.Client, log *Log, o Options) (*Result, error) {
	if t.Judged && o.Judge == nil {
		return nil, fmt.Errorf("%s is judged by a model: say which with --judge URL and --judge-model NAME", t.Name)
	}
	r := &run{task: t, client: client, log: log, options: o, total: d.Len()}
	if o.Limit > 0 {
		r.total = min(r.total, o.Limit)
	}
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(cmp.Or(o.Parallel, 8))
	seen := map[string]bool{}
	for item, err := range t.Items(d, o.Limit) {
		if err != nil {
			return nil, errors.Join(err, group.Wait())
		}
		if seen[item.ID] {
			return nil, errors.Join(fmt.Errorf("%s: two items have the id %s", t.Name, item.ID), group.Wait())
		}
		seen[item.ID] = true
		if gctx.Err() != nil {
			break
		}
		group.Go(func() error { return r.item(gctx, &item) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(r.failed) > 0 {
		return nil, errors.Join(append([]error{fmt.Errorf("%d of %d items failed; run again to try them again", len(r.failed), len(seen))}, r.failed...)...)
	}
	return Summarise(t, log), nil
}

type run struct {
	task    *Task
	client  *remote.Client
	log     *Log
	options Options
	total   int

	mu     sync.Mutex
	done   int
	sum    float64
	failed []error
}

// item answers, scores and logs one item. Its error ends the whole run.
func (r *run) item(ctx context.Context, item *Item) error {
	key := hash(item.Request)
	entry, known := r.log.entry(item.ID)
	if known && entry.Request != key {
		return fmt.Errorf("item %s in the log was another question: the data or the prompts changed; choose another --out, or delete it", item.ID)
	}
	if !known {
		var err error
		if entry, err = r.answer(ctx, item); err != nil {
			return r.fail(ctx, item.ID, err)
		}
		entry.Request = key
		if err := r.log.Add(entry); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done++
	r.sum += entry.Scores[r.task.Metrics[0].Name]
	if r.options.Progress != nil {
		r.options.Progress(r.done, max(r.total, r.done), r.sum/float64(r.done))
	}
	return nil
}

func (r *run) answer(ctx context.Context, item *Item) (Entry, error) {
	e := Entry{
		ID: item.ID, Question: question(item.Request), References: item.References, Meta: item.Meta,
		Scores: map[string]float64{}, Weights: map[string]float64{},
	}
	var answers []string
	request := item.Request
	for turn := range 1 + len(item.further) {
		if turn > 0 {
			request.Messages = append(request.Messages[:len(request.Messages):len(request.Messages)],
				remote.Message{Role: "assistant", Parts: []remote.Part{remote.Text(e.Answer)}},
				remote.Message{Role: "user", Parts: []remote.Part{remote.Text(item.further[turn-1])}})
		}
		reply, err := r.client.Chat(ctx, request, nil)
		if err != nil {
			return Entry{}, err
		}
		e.Earlier, answers = answers, append(answers[:turn:turn], reply.Text)
		e.Answer, e.FinishReason = reply.Text, reply.FinishReason
		e.Usage.PromptTokens += reply.Usage.PromptTokens
		e.Usage.CompletionTokens += reply.Usage.CompletionTokens
		e.Seconds += reply.Took.Seconds()
	}
	for _, m := range r.task.Metrics {
		j, err := m.score(ctx, scoring{r.options.Judge, r.options.RunCode}, item, answers)
		if err != nil {
			return Entry{}, fmt.Errorf("%s: %w", m.Name, err)
		}
		e.Scores[m.Name], e.Judgement = j.Score, cmp.Or(e.Judgement, j.Words)
		if j.Weight != 0 {
			e.Weights[m.Name] = j.Weight
		}
	}
	return e, nil
}

// fail remembers an item's failure; too many of them end the run.
func (r *run) fail(ctx context.Context, id string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = append(r.failed, &ItemError{id, err})
	if len(r.failed) >= mostFailed {
		return fmt.Errorf("%d items failed, the last: %w", len(r.failed), err)
	}
	return nil
}

// entry returns the logged entry of an item.
func (l *Log) entry(id string) (Entry, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.Entries[id]
	return e, ok
}

// Summarise counts a log. The order in which the answers came does not matter.
func Summarise(t *Task, l *Log) *Result {
	r := &Result{Task: t, Header: l.Header}
	entries := l.sorted()
	for _, e := range entries {
		if e.FinishReason == "length" {
			r.Cut++
		}
	}
	for _, m := range t.Metrics {
		s := Scored{Metric: m, Groups: map[string]map[string]Mean{}}
		var all []sample
		groups := map[string]map[string][]sample{}
		for _, e := range entries {
			all = append(all, e.sample(m.Name))
			for _, name := range t.Groups {
				if value := e.Meta[name]; value != "" {
					if groups[name] == nil {
						groups[name] = map[string][]sample{}
					}
					groups[name][value] = append(groups[name][value], e.sample(m.Name))
				}
			}
		}
		s.Mean = mean(all)
		for name, of := range groups {
			s.Groups[name] = map[string]Mean{}
			for value, list := range of {
				s.Groups[name][value] = mean(list)
			}
		}
		r.Metrics = append(r.Metrics, s)
	}
	return r
}

// sample returns an entry's score by a metric.
func (e Entry) sample(metric string) sample {
	return sample{e.Scores[metric], cmp.Or(e.Weights[metric], 1)}
}

// sorted returns the entries by id.
func (l *Log) sorted() []Entry {
	list := make([]Entry, 0, len(l.Entries))
	for _, e := range l.Entries {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b Entry) int { return cmp.Compare(a.ID, b.ID) })
	return list
}
