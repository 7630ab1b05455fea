package grammar

import (
	"bytes"
	"slices"
)

// A Vocabulary is the texts of tokens, sorted into a trie. It does not change.
type Vocabulary struct {
	size  int
	nodes []node // depth first: the children of a node follow it
	deep  int    // bytes of the longest token
}

// A node is a byte of the tokens that share what comes before it.
type node struct {
	token int32 // that ends here, -1 for none
	skip  int32 // the node after those below this one
	depth int32
	b     byte
}

// NewVocabulary takes the text of each token; those without one, such as special
// tokens, follow nowhere.
func NewVocabulary(tokens [][]byte) *Vocabulary {
	v := &Vocabulary{size: len(tokens)}
	order := make([]int32, 0, len(tokens))
	for i, text := range tokens {
		if len(text) > 0 {
			order = append(order, int32(i))
			v.deep = max(v.deep, len(text))
		}
	}
	slices.SortFunc(order, func(a, b int32) int { return bytes.Compare(tokens[a], tokens[b]) })
	var open []int32 // nodes of the last text
	closeTo := func(depth int) {
		for len(open) > depth {
			v.nodes[open[len(open)-1]].skip = int32(len(v.nodes))
			open = open[:len(open)-1]
		}
	}
	var last []byte
	for _, id := range order {
		text := tokens[id]
		shared := 0
		for shared < min(len(text), len(last)) && text[shared] == last[shared] {
			shared++
		}
		if shared == len(text) { // the same text twice: the first goes for both
			shared--
		}
		closeTo(shared)
		for depth := shared; depth < len(text); depth++ {
			open = append(open, int32(len(v.nodes)))
			v.nodes = append(v.nodes, node{token: -1, depth: int32(depth), b: text[depth]})
		}
		v.nodes[open[len(open)-1]].token = id
		last = text
	}
	closeTo(0)
	return v
}

// mask marks the tokens that an automaton can take from a state, as bits.
func (v *Vocabulary) mask(a *automaton, from int32) []uint64 {
	bits := make([]uint64, (v.size+63)/64)
	states := make([]int32, v.deep+1)
	states[0] = from
	for i := 0; i < len(v.nodes); {
		n := &v.nodes[i]
		to := a.next[states[n.depth]][n.b]
		if to == 0 {
			to = a.step(states[n.depth], n.b)
		}
		if to == dead {
			i = int(n.skip)
			continue
		}
		if n.token >= 0 {
			bits[n.token>>6] |= 1 << (n.token & 63)
		}
		states[n.depth+1] = to
		i++
	}
	return bits
}
