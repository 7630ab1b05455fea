package eval

import (
	"fmt"
	"slices"
)

// A Comparison pairs two runs of the same task item by item.
type Comparison struct {
	A, B         Header
	Pairs        int
	OnlyA, OnlyB int // items that the other run does not have
	Changes      []Change
	Flips        []Flip // by how much the reported metric changed, losses first
}

// A Change is a metric in both runs. Change is B's mean less A's over the
// pairs, its interval bootstrapped over pairs: it is narrower than the
// intervals of the runs, because the items are the same.
type Change struct {
	Metric       Metric
	A, B, Change Mean
	Better       int // items that B scored higher
	Worse        int
}

// A Flip is an item whose score changed.
type Flip struct {
	A, B  Entry
	Delta float64
}

// Compare pairs the entries of two logs of one task.
func Compare(t *Task, a, b *Log) (*Comparison, error) {
	if a.Header.Task != b.Header.Task {
		return nil, fmt.Errorf("the logs are of two tasks, %s and %s", a.Header.Task, b.Header.Task)
	}
	c := &Comparison{A: a.Header, B: b.Header}
	var pairs [][2]Entry
	for _, e := range a.sorted() {
		other, ok := b.Entries[e.ID]
		switch {
		case !ok:
			c.OnlyA++
		case other.Request != e.Request:
			return nil, fmt.Errorf("item %s was put differently in the two runs: the data or the prompts are not the same", e.ID)
		default:
			pairs = append(pairs, [2]Entry{e, other})
		}
	}
	c.Pairs, c.OnlyB = len(pairs), len(b.Entries)-len(pairs)
	if c.Pairs == 0 {
		return nil, fmt.Errorf("the two runs have no item in common")
	}
	for _, m := range t.Metrics {
		c.Changes = append(c.Changes, change(m, pairs))
	}
	first := t.Metrics[0].Name
	for _, p := range pairs {
		if d := p[1].Scores[first] - p[0].Scores[first]; d != 0 {
			c.Flips = append(c.Flips, Flip{p[0], p[1], d})
		}
	}
	slices.SortStableFunc(c.Flips, func(x, y Flip) int {
		switch {
		case x.Delta < y.Delta:
			return -1
		case x.Delta > y.Delta:
			return 1
		}
		return 0
	})
	return c, nil
}

func change(m Metric, pairs [][2]Entry) Change {
	c := Change{Metric: m}
	var as, bs, deltas []sample
	for _, p := range pairs {
		x, y := p[0].sample(m.Name), p[1].sample(m.Name)
		as, bs, deltas = append(as, x), append(bs, y), append(deltas, sample{y.value - x.value, x.weight})
		if y.value > x.value {
			c.Better++
		} else if y.value < x.value {
			c.Worse++
		}
	}
	c.A, c.B, c.Change = mean(as), mean(bs), mean(deltas)
	return c
}
