package grammar

import (
	"math/bits"
	"sync"
)

// A Constraint is a grammar over a vocabulary, with what was found out about it
// so far. Any number of goroutines may use it.
type Constraint struct {
	vocabulary *Vocabulary
	program    *program

	mu    sync.Mutex
	run   *automaton
	masks map[int32][]uint64 // by state
}

// mostMasks is how many masks are kept: 8 MiB of them with Pixtral's vocabulary.
const mostMasks = 512

// Over returns the grammar over a vocabulary.
func (g *Grammar) Over(v *Vocabulary) *Constraint {
	c := &Constraint{vocabulary: v, program: g.program}
	c.renew()
	return c
}

func (c *Constraint) renew() {
	c.run, c.masks = newAutomaton(c.program), map[int32][]uint64{}
}

// A Matcher follows one text through a constraint. It is not safe for concurrent
// use; several of one constraint are.
type Matcher struct {
	c   *Constraint
	run *automaton // that at is a state of
	at  int32
}

// Start returns a matcher at the beginning of a text.
func (c *Constraint) Start() *Matcher {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &Matcher{c, c.run, first}
}

// settle makes the matcher's state one of the automaton in use.
func (m *Matcher) settle() {
	if m.c.run.large() {
		m.c.renew()
	}
	if m.run != m.c.run && m.at != dead {
		m.at = m.c.run.adopt(m.run, m.at)
	}
	m.run = m.c.run
}

// Mask marks the tokens that may follow, and leaves the others as they are.
func (m *Matcher) Mask(allowed []bool) {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	if m.settle(); m.at == dead {
		return
	}
	mask, ok := m.c.masks[m.at]
	if !ok {
		mask = m.c.vocabulary.mask(m.run, m.at)
		if len(m.c.masks) >= mostMasks {
			clear(m.c.masks)
		}
		m.c.masks[m.at] = mask
	}
	for i, word := range mask {
		for word != 0 {
			allowed[i<<6+bits.TrailingZeros64(word)] = true
			word &= word - 1
		}
	}
}

// Advance goes on by a text, and reports whether it may come. After one that may
// not, nothing may.
func (m *Matcher) Advance(text []byte) bool {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	m.settle()
	for _, b := range text {
		if m.at == dead {
			break
		}
		m.at = m.run.step(m.at, b)
	}
	return m.at != dead
}

// Ended reports whether the text may end here, and whether it must.
func (m *Matcher) Ended() (may, must bool) {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	if m.at == dead {
		return true, true
	}
	return m.run.ended(m.at)
}

// Matches reports whether a text is one of the grammar's.
func (g *Grammar) Matches(text string) bool {
	a := newAutomaton(g.program)
	at := first
	for i := 0; i < len(text) && at != dead; i++ {
		at = a.step(at, text[i])
	}
	if at == dead {
		return false
	}
	may, _ := a.ended(at)
	return may
}
