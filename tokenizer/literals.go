package tokenizer

import "slices"

// literals are texts that are tokens wherever they stand, before any merging:
// added tokens that are not special.
type literals struct {
	ids     map[string]Token
	lengths [256][]int // bytes of those that begin with each byte, longest first
}

func (l *literals) add(text string, tok Token) {
	if l.ids == nil {
		l.ids = map[string]Token{}
	}
	l.ids[text] = tok
	of := &l.lengths[text[0]]
	i, found := slices.BinarySearchFunc(*of, len(text), func(have, want int) int { return want - have })
	if !found {
		*of = slices.Insert(*of, i, len(text))
	}
}

// cut calls token and rest for the literals in text and for what lies between
// them, in order. The leftmost literal wins, and of those the longest.
func (l *literals) cut(text string, token func(Token), rest func(string)) {
	start := 0
	for i := 0; i < len(text) && l.ids != nil; {
		n, tok := l.at(text[i:])
		if n == 0 {
			i++
			continue
		}
		if i > start {
			rest(text[start:i])
		}
		token(tok)
		i += n
		start = i
	}
	if start < len(text) {
		rest(text[start:])
	}
}

// at returns the longest literal that text begins with, length 0 if none.
func (l *literals) at(text string) (int, Token) {
	for _, n := range l.lengths[text[0]] {
		if n > len(text) {
			continue
		}
		if tok, ok := l.ids[text[:n]]; ok {
			return n, tok
		}
	}
	return 0, noToken
}
