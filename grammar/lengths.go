package grammar

import "fmt"

// lengths bound the characters of a pattern. How many there are is counted while
// the text is written; so that no way is taken which cannot be completed, it is
// reckoned out beforehand from where how many more can lead to the end.
type lengths struct {
	min, max int // max -1 for none
	ticks    []tickAt
}

// A tickAt is where a character begins.
type tickAt struct {
	from, to state
	count    *count
}

// mostCounted bounds the lengths that are reckoned with, and what it costs.
const (
	mostCounted = 2000
	mostReckon  = 20_000_000
)

func (l *lengths) tick(b *builder, from state) state {
	c := &count{min: l.min, max: l.max}
	to := b.tick(from, c)
	l.ticks = append(l.ticks, tickAt{from, to, c})
	return to
}

// settle fills in the counts at which the rest can be completed, once the
// pattern is written between two states. It reports false if no text is of the
// lengths.
func (l *lengths) settle(b *builder, start, end state) (bool, error) {
	first := int(start)
	states := len(b.edges) - first
	horizon := l.max
	if horizon < 0 || horizon > mostCounted {
		horizon = min(l.min+len(l.ticks)+1, mostCounted)
		if l.max > mostCounted {
			horizon, l.max = mostCounted, mostCounted
		}
	}
	if l.min > horizon || horizon*states > mostReckon {
		return false, fmt.Errorf("the lengths are too large to be enforced together with an expression")
	}
	back := make([][]int, states) // by state: those that lead to it without counting
	for s := first; s < len(b.edges); s++ {
		for _, e := range b.edges[s] {
			if e.kind != tickCount && int(e.to) >= first {
				back[int(e.to)-first] = append(back[int(e.to)-first], s-first)
			}
		}
	}
	// reach[n][s]: from s, exactly n more characters lead to the end.
	reach := make([][]bool, horizon+1)
	for n := range reach {
		reach[n] = make([]bool, states)
		var todo []int
		mark := func(s int) {
			if !reach[n][s] {
				reach[n][s] = true
				todo = append(todo, s)
			}
		}
		if n == 0 {
			mark(int(end) - first)
		} else {
			for _, t := range l.ticks {
				if reach[n-1][int(t.to)-first] {
					mark(int(t.from) - first)
				}
			}
		}
		for len(todo) > 0 {
			s := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			for _, before := range back[s] {
				mark(before)
			}
		}
	}
	for _, t := range l.ticks {
		t.count.max = l.max
		t.count.ok = make([]bool, max(l.max, l.min)+1)
		for n := range t.count.ok {
			t.count.ok[n] = l.completes(reach, int(t.to)-first, n)
		}
	}
	return l.completes(reach, 0, 0), nil
}

// completes reports whether from a state, with n characters before it, some
// number more leads to the end within the bounds.
func (l *lengths) completes(reach [][]bool, s, n int) bool {
	for more := range reach {
		if reach[more][s] && n+more >= l.min && (l.max < 0 || n+more <= l.max) {
			return true
		}
	}
	return false
}
