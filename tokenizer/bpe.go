package tokenizer

import "container/heap"

// Encode returns the tokens of text and nothing else: no BOS, and no special
// token even if the text spells one. Bytes that are not UTF-8 are read as
// U+FFFD, as Decode writes them.
func (t *Tekken) Encode(text string) []Token {
	text = toValid(text)
	tokens := make([]Token, 0, len(text)/4) // English has four letters a token
	var m merger
	for len(text) > 0 {
		n := split(text)
		tokens = t.appendPiece(tokens, &m, text[:n])
		text = text[n:]
	}
	return tokens
}

// appendPiece encodes one piece of the scanner: as itself if the vocabulary
// has it, else by merging.
func (t *Tekken) appendPiece(tokens []Token, m *merger, piece string) []Token {
	if r, ok := t.ranks[piece]; ok {
		return append(tokens, t.special+Token(r))
	}
	m.merge(t, piece)
	for i := 0; i < len(piece); i = m.ends[i] {
		tokens = append(tokens, t.special+Token(t.ranks[piece[i:m.ends[i]]]))
	}
	return tokens
}

// A merger splits a piece into tokens: from single bytes, it joins again and
// again the neighbours whose concatenation has the lowest rank, the leftmost
// of equals. The pairs wait in a heap, so that a piece of n bytes takes
// O(n log n) steps; looking for the lowest anew each time would take O(n²).
type merger struct {
	ends   []int // ends[i] is the end of the part that starts at i
	starts []int // starts[i] is the start of the part that ends at i
	pairs  pairs
}

func (m *merger) merge(v ranker, piece string) {
	m.ends, m.starts, m.pairs = m.ends[:0], m.starts[:0], m.pairs[:0]
	for i := range len(piece) {
		m.ends = append(m.ends, i+1)
		m.starts = append(m.starts, i-1)
	}
	m.starts = append(m.starts, len(piece)-1)
	for i := 0; i+2 <= len(piece); i++ {
		if rank, ok := v.pairRank(piece, i, i+1, i+2); ok {
			m.pairs = append(m.pairs, pair{rank, i, i + 2})
		}
	}
	heap.Init(&m.pairs)
	for len(m.pairs) > 0 {
		p := heap.Pop(&m.pairs).(pair)
		mid := m.ends[p.start]
		if mid == 0 || mid >= p.end || m.ends[mid] != p.end {
			continue // one of the two has been merged with another since
		}
		m.ends[mid] = 0
		m.ends[p.start], m.starts[p.end] = p.end, p.start
		if p.start > 0 {
			m.push(v, piece, m.starts[p.start], p.start, p.end)
		}
		if p.end < len(piece) {
			m.push(v, piece, p.start, p.end, m.ends[p.end])
		}
	}
}

func (m *merger) push(v ranker, piece string, start, mid, end int) {
	if rank, ok := v.pairRank(piece, start, mid, end); ok {
		heap.Push(&m.pairs, pair{rank, start, end})
	}
}

// A ranker says whether and how early piece[start:mid] and piece[mid:end], two
// neighbouring parts, are merged.
type ranker interface {
	pairRank(piece string, start, mid, end int) (rank int32, ok bool)
}

// pairRank is the rank of the concatenation, if the vocabulary has it.
func (t *Tekken) pairRank(piece string, start, _, end int) (int32, bool) {
	if end-start > t.longest {
		return 0, false
	}
	r, ok := t.ranks[piece[start:end]]
	return r, ok
}

// A pair of parts that could be merged.
type pair struct {
	rank       int32
	start, end int
}

type pairs []pair

func (p pairs) Len() int { return len(p) }
func (p pairs) Less(i, j int) bool {
	return p[i].rank < p[j].rank || p[i].rank == p[j].rank && p[i].start < p[j].start
}
func (p pairs) Swap(i, j int) { p[i], p[j] = p[j], p[i] }
func (p *pairs) Push(x any)   { *p = append(*p, x.(pair)) }
func (p *pairs) Pop() any {
	last := (*p)[len(*p)-1]
	*p = (*p)[:len(*p)-1]
	return last
}
