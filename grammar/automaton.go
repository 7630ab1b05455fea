package grammar

import (
	"encoding/binary"
	"slices"
)

// A frame is a rule that is running: where it was called from, and how much it
// has counted. Frames are linked to those that called them.
type frame struct {
	parent int32 // -1 for none
	to     state // where to go on once the rule has ended
	count  int32
}

// A config is one of the places where a program may be.
type config struct {
	at    state
	stack int32 // the topmost frame
}

// final is where a program is that has ended.
const final state = -1

// An automaton runs a program. Each of its states is a set of configs, found
// while it runs and kept with what each byte leads to.
type automaton struct {
	p      *program
	frames []frame
	stacks map[frame]int32
	sets   [][]config
	ids    map[string]int32
	next   []*[256]int32 // by state and byte; 0 where nobody has looked yet
	work   closure       // of find, whose memory is used again
}

const (
	dead  int32 = -1
	first int32 = 1 // the state that a text begins in; there is no state 0
)

// An automaton that has grown so large is left for a new one.
const (
	mostSets   = 6000
	mostFrames = 1 << 17
)

func newAutomaton(p *program) *automaton {
	a := &automaton{p: p, stacks: map[frame]int32{}, ids: map[string]int32{}, sets: make([][]config, 1), next: make([]*[256]int32, 1)}
	var set closure
	a.enter(&set, config{p.starts[p.main], a.push(frame{-1, final, 0})})
	a.intern(set.live)
	return a
}

// large reports whether it is time for a new one.
func (a *automaton) large() bool { return len(a.sets) > mostSets || len(a.frames) > mostFrames }

// adopt returns the state that is another automaton's.
func (a *automaton) adopt(from *automaton, id int32) int32 {
	var set closure
	for _, c := range from.sets[id] {
		a.enter(&set, config{c.at, a.copyStack(from, c.stack)})
	}
	return a.intern(set.live)
}

func (a *automaton) copyStack(from *automaton, id int32) int32 {
	if id < 0 {
		return id
	}
	f := from.frames[id]
	f.parent = a.copyStack(from, f.parent)
	return a.push(f)
}

func (a *automaton) push(f frame) int32 {
	id, ok := a.stacks[f]
	if !ok {
		id = int32(len(a.frames))
		a.frames = append(a.frames, f)
		a.stacks[f] = id
	}
	return id
}

// A closure gathers configs that are reached without taking a byte.
type closure struct {
	live []config // those that can go on, or have ended
	seen []config
	many map[config]bool // the same, once they are too many to be looked through
}

// add reports whether a config is new to the closure.
func (s *closure) add(c config) bool {
	if s.many != nil {
		if s.many[c] {
			return false
		}
		s.many[c] = true
		return true
	}
	if slices.Contains(s.seen, c) {
		return false
	}
	if s.seen = append(s.seen, c); len(s.seen) > 24 {
		s.many = map[config]bool{}
		for _, c := range s.seen {
			s.many[c] = true
		}
	}
	return true
}

// enter adds a config and what follows from it.
func (a *automaton) enter(set *closure, c config) {
	if !set.add(c) {
		return
	}
	if c.at == final {
		set.live = append(set.live, c)
		return
	}
	f := a.frames[c.stack]
	if a.isEnd(c.at) {
		a.enter(set, config{f.to, f.parent})
	}
	taking := false
	for _, e := range a.p.edges[c.at] {
		switch e.kind {
		case takeByte:
			taking = true
		case free:
			a.enter(set, config{e.to, c.stack})
		case callRule:
			a.enter(set, config{a.p.starts[e.rule], a.push(frame{c.stack, e.to, 0})})
		case tickCount:
			if n, ok := e.count.next(f.count); ok {
				a.enter(set, config{e.to, a.push(frame{f.parent, f.to, n})})
			}
		case atLeast:
			if int(f.count) >= e.count.min {
				a.enter(set, config{e.to, c.stack})
			}
		}
	}
	if taking {
		set.live = append(set.live, c)
	}
}

// isEnd reports whether a rule ends in a state. The ends are the last states of
// their rules and have no edges.
func (a *automaton) isEnd(s state) bool { return len(a.p.edges[s]) == 0 }

// intern returns the state of a set of configs.
func (a *automaton) intern(set []config) int32 {
	if len(set) == 0 {
		return dead
	}
	slices.SortFunc(set, func(x, y config) int {
		if x.at != y.at {
			return int(x.at - y.at)
		}
		return int(x.stack - y.stack)
	})
	key := make([]byte, 0, 8*len(set))
	for _, c := range set {
		key = binary.LittleEndian.AppendUint32(key, uint32(c.at))
		key = binary.LittleEndian.AppendUint32(key, uint32(c.stack))
	}
	id, ok := a.ids[string(key)]
	if !ok {
		id = int32(len(a.sets))
		a.sets = append(a.sets, set)
		a.next = append(a.next, new([256]int32))
		a.ids[string(key)] = id
	}
	return id
}

// step returns the state after a byte, dead if the byte may not come.
func (a *automaton) step(id int32, b byte) int32 {
	to := a.next[id][b]
	if to == 0 {
		to = a.find(id, b)
		a.next[id][b] = to
	}
	return to
}

func (a *automaton) find(id int32, b byte) int32 {
	set := &a.work
	*set = closure{seen: set.seen[:0]}
	for _, c := range a.sets[id] {
		if c.at == final {
			continue
		}
		for _, e := range a.p.edges[c.at] {
			if e.kind == takeByte && e.lo <= b && b <= e.hi {
				a.enter(set, config{e.to, c.stack})
			}
		}
	}
	return a.intern(set.live)
}

// ended reports whether the text may end in a state, and whether it must.
func (a *automaton) ended(id int32) (may, must bool) {
	for _, c := range a.sets[id] {
		if c.at == final {
			may = true
		}
	}
	return may, may && len(a.sets[id]) == 1
}
