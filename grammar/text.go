package grammar

import "slices"

// utf8 is UTF-8 as an automaton (Unicode 15, table 3-7): from the state between
// characters, 0, ranges of bytes lead to states that want the rest. Control
// characters, quotes and backslashes are left out: JSON spells them.
var utf8 = [8][]struct {
	lo, hi byte
	to     int
}{
	0: {{0x20, 0x21, 0}, {0x23, 0x5b, 0}, {0x5d, 0x7f, 0}, {0xc2, 0xdf, 1}, {0xe0, 0xe0, 2}, {0xe1, 0xec, 3}, {0xed, 0xed, 4},
		{0xee, 0xef, 3}, {0xf0, 0xf0, 5}, {0xf1, 0xf3, 6}, {0xf4, 0xf4, 7}},
	1: {{0x80, 0xbf, 0}},
	2: {{0xa0, 0xbf, 1}},
	3: {{0x80, 0xbf, 1}},
	4: {{0x80, 0x9f, 1}}, // no surrogates
	5: {{0x90, 0xbf, 3}},
	6: {{0x80, 0xbf, 3}},
	7: {{0x80, 0x8f, 3}},
}

// character takes one character of a JSON string, spelled in any way, and leads
// to a state.
func (b *builder) character(from, to state) {
	b.unescaped(from, to)
	escape := b.bytes(from, '\\', '\\')
	for _, c := range []byte(`"\/bfnrt`) {
		b.bytesTo(escape, c, c, to)
	}
	u := b.bytes(escape, 'u', 'u')
	b.hex(b.oneOf(u, "0123456789abcABCeEfF"), 3, to)
	d := b.oneOf(u, "dD")
	b.hex(b.oneOf(d, "01234567"), 2, to)
	// A surrogate is a character only together with the one that belongs to it.
	low := b.state()
	b.hex(b.oneOf(d, "89abAB"), 2, low)
	low = b.oneOf(b.literal(low, `\u`), "dD")
	b.hex(b.oneOf(low, "cdefCDEF"), 2, to)
}

// unescaped takes one character that is not spelled with a backslash.
func (b *builder) unescaped(from, to state) {
	var states [8]state
	states[0] = to
	for i := 1; i < len(states); i++ {
		states[i] = b.state()
	}
	for i, ranges := range utf8 {
		at := states[i]
		if i == 0 {
			at = from
		}
		for _, r := range ranges {
			b.bytesTo(at, r.lo, r.hi, states[r.to])
		}
	}
}

func (b *builder) hex(from state, n int, to state) {
	for i := range n {
		next := to
		if i < n-1 {
			next = b.state()
		}
		for _, r := range []string{"09", "af", "AF"} {
			b.bytesTo(from, r[0], r[1], next)
		}
		from = next
	}
}

// str writes the rule of strings with so many characters; max -1 for any number.
func (b *builder) str(rule, min, max int) {
	if max >= 0 && max < min {
		b.finish(rule, b.state()) // nothing leads there: there is no such string
		return
	}
	loop := b.bytes(b.start(rule), '"', '"')
	if min == 0 && max < 0 {
		b.character(loop, loop)
		b.finish(rule, b.bytes(loop, '"', '"'))
		return
	}
	// A character is counted before it is taken: one too many does not begin.
	c := &count{min: min, max: max}
	b.character(b.tick(loop, c), loop)
	b.finish(rule, b.bytes(b.atLeast(loop, c), '"', '"'))
}

// otherKey takes a key, quotes included, that is none of those given. It has no
// backslash: there is one spelling for each then.
func (b *builder) otherKey(from state, names []string) state {
	end := b.state()
	var others [8]state // not any more the beginning of a name
	for i := range others {
		others[i] = b.state()
	}
	for i, ranges := range utf8 {
		for _, r := range ranges {
			b.bytesTo(others[i], r.lo, r.hi, others[r.to])
		}
	}
	b.bytesTo(others[0], '"', '"', end)
	b.prefix(b.bytes(from, '"', '"'), names, 0, 0, &others, end)
	return end
}

// prefix goes on from a state that the first bytes of all names led to. unit is
// the state within a character.
func (b *builder) prefix(from state, names []string, depth, unit int, others *[8]state, end state) {
	whole := false
	var next [256][]string
	for _, name := range names {
		if len(name) == depth {
			whole = true
		} else {
			next[name[depth]] = append(next[name[depth]], name)
		}
	}
	if !whole && unit == 0 {
		b.bytesTo(from, '"', '"', end)
	}
	for _, r := range utf8[unit] {
		for c := int(r.lo); c <= int(r.hi); c++ {
			if next[c] != nil {
				b.prefix(b.bytes(from, byte(c), byte(c)), next[c], depth+1, r.to, others, end)
				continue
			}
			last := c
			for last < int(r.hi) && next[last+1] == nil {
				last++
			}
			b.bytesTo(from, byte(c), byte(last), others[r.to])
			c = last
		}
	}
}

// digits takes up to most digits, and leads to a state after each number of them.
func (b *builder) digits(from state, most int) state {
	ends := []state{from}
	for range most {
		from = b.bytes(from, '0', '9')
		ends = append(ends, from)
	}
	return b.join(ends...)
}

// mostDigits is how many digits a number has on either side of its point: more
// do not fit into what most programs read numbers with.
const mostDigits = 15

// number writes the rule of all numbers.
func (b *builder) number(rule int, integer bool) {
	at := b.sign(b.start(rule))
	natural := b.join(b.bytes(at, '0', '0'), b.digits(b.bytes(at, '1', '9'), mostDigits-1))
	if integer {
		b.finish(rule, natural)
		return
	}
	point := b.bytes(natural, '.', '.')
	fraction := b.join(natural, b.digits(b.bytes(point, '0', '9'), mostDigits-1))
	e := b.oneOf(fraction, "eE")
	signed := b.join(e, b.oneOf(e, "+-"))
	b.finish(rule, b.join(fraction, b.digits(b.bytes(signed, '0', '9'), 1)))
}

func (b *builder) sign(from state) state { return b.join(from, b.bytes(from, '-', '-')) }

// merged sorts texts and drops those that stand there twice.
func merged(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }
