package web

import (
	"pixtral-wgpu/engine"
	"pixtral-wgpu/grammar"
	"pixtral-wgpu/tokenizer"
)

// rules say what an answer may be.
type rules struct {
	facts   facts
	text    *grammar.Constraint // of the text; nil for any
	calls   *grammar.Constraint // of calls of tools; nil for none
	must    bool                // calls only
	least   int                 // tokens before it may end
	endless bool                // it may not end by itself

	ends  []tokenizer.Token
	plain []bool // by token: ordinary text
}

// prepare looks the vocabulary through, once for all choices.
func (r *rules) prepare() {
	t := r.facts.tokenizer
	r.plain = make([]bool, t.VocabSize())
	for i := range r.plain {
		tok := tokenizer.Token(i)
		r.plain[i] = !t.IsControl(tok)
		if t.Ends(tok) {
			r.ends = append(r.ends, tok)
		}
	}
}

// A mask follows one answer through its rules.
type mask struct {
	*rules
	text, call *grammar.Matcher // call once a call has begun
	tokens     int
}

var _ engine.Masker = (*mask)(nil)

func newMask(r *rules, begun string) *mask {
	m := &mask{rules: r}
	if r.text != nil {
		m.text = r.text.Start()
		m.text.Advance([]byte(begun))
	}
	return m
}

// Mask marks the tokens that may follow. Calls begin an answer or do not come:
// the model's conversations have either text or calls in a turn.
func (m *mask) Mask(allowed []bool) {
	may := true // end
	switch {
	case m.call != nil:
		m.call.Mask(allowed)
		may, _ = m.call.Ended()
	case m.calls != nil && m.tokens == 0 && m.must:
		allowed[m.facts.toolCalls()] = true
		return
	case m.text != nil:
		m.text.Mask(allowed)
		may, _ = m.text.Ended()
	default:
		copy(allowed, m.plain)
	}
	if m.calls != nil && m.tokens == 0 {
		allowed[m.facts.toolCalls()] = true
	}
	if may && (m.free() || !anyOf(allowed)) {
		for _, tok := range m.ends {
			allowed[tok] = true
		}
	}
}

// free reports whether nothing but the grammar keeps the answer from ending.
func (m *mask) free() bool { return !m.endless && m.tokens >= m.least }

func anyOf(list []bool) bool {
	for _, b := range list {
		if b {
			return true
		}
	}
	return false
}

func (m *mask) Accept(tok tokenizer.Token) {
	if m.tokens++; m.tokens == 1 && m.calls != nil && tok == m.facts.toolCalls() {
		m.call = m.calls.Start()
		return
	}
	current := m.text
	if m.call != nil {
		current = m.call
	}
	if current != nil {
		current.Advance(m.facts.tokenizer.Bytes(tok))
	}
}

// Done reports whether nothing but the end may follow.
func (m *mask) Done() bool {
	current := m.text
	if m.call != nil {
		current = m.call
	}
	if current == nil {
		return false
	}
	_, must := current.Ended()
	return must
}
