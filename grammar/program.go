package grammar

// A state of a program is a place in it.
type state int32

// An edge leads from one state to another.
type edge struct {
	kind   edgeKind
	lo, hi byte   // takeByte: the bytes it takes
	to     state  // where it leads; for callRule, once the rule has ended
	rule   int    // callRule
	count  *count // tickCount, atLeast
}

type edgeKind uint8

const (
	takeByte  edgeKind = iota
	free               // takes nothing
	callRule           // goes through a rule first
	tickCount          // counts one in the frame of the rule that is running
	atLeast            // only if so many were counted
)

// A count bounds how often something comes: characters of a string, items of a
// list.
type count struct {
	min, max int    // max -1 for none
	ok       []bool // by count, of a tick: whether the rest can be completed; nil if it always can
}

// next counts one more. Beyond what matters it stays: there is a state fewer for
// each.
func (c *count) next(n int32) (int32, bool) {
	n++
	if c.max >= 0 && int(n) > c.max {
		return n, false
	}
	if c.max < 0 {
		n = min(n, int32(c.min))
	}
	return n, c.ok == nil || c.ok[n]
}

// A program is a grammar as rules: networks of states from a start to an end,
// which call each other.
type program struct {
	edges  [][]edge
	starts []state
	ends   []state
	main   int
}

// A builder writes a program. Its methods take the state that they go on from
// and return the one they end in.
type builder struct {
	program
	tooLarge bool
}

const mostStates = 400000

func newBuilder() *builder { return &builder{} }

// newRule adds a rule, to be ended by finish.
func (b *builder) newRule() int {
	b.starts, b.ends = append(b.starts, b.state()), append(b.ends, -1)
	return len(b.starts) - 1
}

func (b *builder) start(rule int) state { return b.starts[rule] }

// finish says where a rule ends: in a state that nothing goes on from.
func (b *builder) finish(rule int, end state) { b.ends[rule] = b.join(end) }

func (b *builder) state() state {
	if len(b.edges) >= mostStates {
		b.tooLarge = true
		return 0
	}
	b.edges = append(b.edges, nil)
	return state(len(b.edges) - 1)
}

func (b *builder) edge(from state, e edge) state {
	b.edges[from] = append(b.edges[from], e)
	return e.to
}

// free goes on to a state without taking anything.
func (b *builder) free(from, to state) { b.edge(from, edge{kind: free, to: to}) }

// join brings the ends of several ways together.
func (b *builder) join(from ...state) state {
	to := b.state()
	for _, f := range from {
		b.free(f, to)
	}
	return to
}

// bytes takes one byte of a range.
func (b *builder) bytes(from state, lo, hi byte) state {
	return b.edge(from, edge{lo: lo, hi: hi, to: b.state()})
}

// bytesTo is bytes to a state there is already.
func (b *builder) bytesTo(from state, lo, hi byte, to state) {
	b.edge(from, edge{lo: lo, hi: hi, to: to})
}

// oneOf takes one of a few bytes.
func (b *builder) oneOf(from state, list string) state {
	to := b.state()
	for _, c := range []byte(list) {
		b.bytesTo(from, c, c, to)
	}
	return to
}

func (b *builder) literal(from state, text string) state {
	for _, c := range []byte(text) {
		from = b.bytes(from, c, c)
	}
	return from
}

func (b *builder) call(from state, rule int) state {
	return b.edge(from, edge{kind: callRule, rule: rule, to: b.state()})
}

func (b *builder) tick(from state, c *count) state {
	return b.edge(from, edge{kind: tickCount, count: c, to: b.state()})
}

func (b *builder) atLeast(from state, c *count) state {
	return b.edge(from, edge{kind: atLeast, count: c, to: b.state()})
}

// grammar checks the program and returns it.
func (b *builder) grammar(main int) (*Grammar, error) {
	if b.tooLarge {
		return nil, &Error{Message: "it is too large to be enforced; use fewer or smaller bounds and enumerations"}
	}
	p := b.program
	p.main = main
	good := p.trim()
	if !good[p.starts[main]] {
		return nil, &Error{Message: "no value can satisfy it"}
	}
	if p.recursesLeft() {
		return nil, &Error{Keyword: "$ref", Message: "it refers to itself with nothing in between"}
	}
	return &Grammar{&p}, nil
}

// trim takes out edges that lead to no end, and tells the states that have one.
func (p *program) trim() []bool {
	good := make([]bool, len(p.edges))
	for _, end := range p.ends {
		good[end] = true
	}
	leads := func(e edge) bool { return good[e.to] && (e.kind != callRule || good[p.starts[e.rule]]) }
	for changed := true; changed; {
		changed = false
		for s := len(p.edges) - 1; s >= 0; s-- {
			if good[s] {
				continue
			}
			for _, e := range p.edges[s] {
				if leads(e) {
					good[s], changed = true, true
					break
				}
			}
		}
	}
	for s, edges := range p.edges {
		kept := edges[:0]
		for _, e := range edges {
			if leads(e) {
				kept = append(kept, e)
			}
		}
		p.edges[s] = kept
	}
	return good
}

// recursesLeft reports whether a rule can call itself before it takes a byte.
func (p *program) recursesLeft() bool {
	empty := p.empties()
	const (
		fresh = iota
		open
		closed
	)
	mark := make([]int, len(p.starts))
	var visit func(rule int) bool
	visit = func(rule int) bool {
		switch mark[rule] {
		case open:
			return true
		case closed:
			return false
		}
		mark[rule] = open
		seen, todo := map[state]bool{}, []state{p.starts[rule]}
		for len(todo) > 0 {
			s := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if seen[s] {
				continue
			}
			seen[s] = true
			for _, e := range p.edges[s] {
				if e.kind == callRule && visit(e.rule) {
					return true
				}
				if e.kind != takeByte && (e.kind != callRule || empty[e.rule]) {
					todo = append(todo, e.to)
				}
			}
		}
		mark[rule] = closed
		return false
	}
	return visit(p.main)
}

// empties tells the rules that can end without taking a byte.
func (p *program) empties() []bool {
	empty := make([]bool, len(p.starts))
	for changed := true; changed; {
		changed = false
		for rule := range p.starts {
			if empty[rule] {
				continue
			}
			seen, todo := map[state]bool{}, []state{p.starts[rule]}
			for len(todo) > 0 && !empty[rule] {
				s := todo[len(todo)-1]
				todo = todo[:len(todo)-1]
				if seen[s] {
					continue
				}
				seen[s] = true
				if s == p.ends[rule] {
					empty[rule], changed = true, true
				}
				for _, e := range p.edges[s] {
					if e.kind != takeByte && (e.kind != callRule || empty[e.rule]) {
						todo = append(todo, e.to)
					}
				}
			}
		}
	}
	return empty
}
