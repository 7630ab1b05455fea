package grammar

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"strings"
	"unicode"
)

// A pattern writes regular expressions into a program.
type pattern struct {
	b     *builder
	spell func(r rune) string // how a character is written; "" if as it is
	count *lengths            // nil if characters are not counted
}

// plain writes characters as they are.
func plain(rune) string { return "" }

// inJSON writes characters as they stand in a JSON string.
func inJSON(r rune) string {
	if r < ' ' || r == '"' || r == '\\' {
		text := quoteJSON(string(r))
		return text[1 : len(text)-1]
	}
	return ""
}

// whole takes what an expression matches from its first to its last character.
func (p *pattern) whole(from state, expression string) (state, error) {
	return p.alternatives(from, expression, func(at state) state { return at })
}

// search takes what an expression matches a part of, as JSON Schema's pattern
// does.
func (p *pattern) search(from state, expression string) (state, error) {
	return p.alternatives(from, expression, p.anything)
}

// alternatives takes what an expression matches, with around before and behind
// it where no ^ or $ stands.
func (p *pattern) alternatives(from state, expression string, around func(state) state) (state, error) {
	re, err := parsePattern(expression)
	if err != nil {
		return 0, err
	}
	list := []*syntax.Regexp{re}
	if re.Op == syntax.OpAlternate {
		list = re.Sub
	}
	var ends []state
	for _, alternative := range list {
		core, left, right := anchors(alternative)
		at := from
		if !left {
			at = around(at)
		}
		if at, err = p.expression(at, core); err != nil {
			return 0, err
		}
		if !right {
			at = around(at)
		}
		ends = append(ends, at)
	}
	return p.b.join(ends...), nil
}

// parsePattern reads an expression of ECMAScript.
func parsePattern(expression string) (*syntax.Regexp, error) {
	if len(expression) > 4096 {
		return nil, fmt.Errorf("an expression of %d characters; it may have 4096", len(expression))
	}
	translated, err := translate(expression)
	if err != nil {
		return nil, err
	}
	re, err := syntax.Parse(translated, syntax.Perl)
	if err != nil {
		var e *syntax.Error
		if errors.As(err, &e) {
			return nil, fmt.Errorf("the expression cannot be enforced: %s: %s", e.Code, e.Expr)
		}
		return nil, err
	}
	return re.Simplify(), nil
}

// The classes of ECMAScript that differ from those of other dialects. Of white
// space only what all agree on is written.
const (
	blanks   = `\t\n\f\r `
	spaces   = `\t\n\v\f\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}`
	lineEnds = `\n\r\x{2028}\x{2029}`
)

// translate spells an expression of ECMAScript as Go's regexp/syntax reads it.
func translate(expression string) (string, error) {
	var out strings.Builder
	class, negated := false, false
	for i := 0; i < len(expression); i++ {
		c := expression[i]
		switch {
		case c == '\\' && i+1 < len(expression):
			i++
			text, skip, err := escape(expression[i:], class, negated)
			if err != nil {
				return "", err
			}
			out.WriteString(text)
			i += skip
			continue
		case c == '[' && class:
			out.WriteString(`\[`) // Go would look for [:alpha:]
			continue
		case c == '[':
			class, negated = true, strings.HasPrefix(expression[i:], "[^")
		case c == ']':
			class, negated = false, false
		case c == '.' && !class:
			out.WriteString("[^" + lineEnds + "]")
			continue
		}
		out.WriteByte(c)
	}
	return out.String(), nil
}

// escape translates what follows a backslash, and tells how much more than one
// byte it took.
func escape(rest string, class, negated bool) (text string, skip int, err error) {
	switch c := rest[0]; {
	case c == 's' && negated:
		return spaces, 0, nil
	case c == 's' && class:
		return blanks, 0, nil
	case c == 's':
		return "[" + blanks + "]", 0, nil
	case c == 'S' && class:
		return "", 0, errors.New(`\S within a class cannot be enforced; write the class out`)
	case c == 'S':
		return "[^" + spaces + "]", 0, nil
	case c == 'u' && len(rest) >= 5:
		return `\x{` + rest[1:5] + "}", 4, nil
	case c == 'c', c == 'k', c == 'A', c == 'z', c == 'Q', c == 'C', '1' <= c && c <= '9':
		return "", 0, fmt.Errorf(`\%c cannot be enforced`, c)
	case c == '0':
		return `\x00`, 0, nil
	}
	return `\` + rest[:1], 0, nil
}

// anchors takes ^ and $ off the ends of an expression.
func anchors(re *syntax.Regexp) (core *syntax.Regexp, left, right bool) {
	switch re.Op {
	case syntax.OpBeginText:
		return &syntax.Regexp{Op: syntax.OpEmptyMatch}, true, false
	case syntax.OpEndText:
		return &syntax.Regexp{Op: syntax.OpEmptyMatch}, false, true
	case syntax.OpConcat:
		sub := re.Sub
		if len(sub) > 0 && sub[0].Op == syntax.OpBeginText {
			sub, left = sub[1:], true
		}
		if n := len(sub); n > 0 && sub[n-1].Op == syntax.OpEndText {
			sub, right = sub[:n-1], true
		}
		return &syntax.Regexp{Op: syntax.OpConcat, Sub: sub}, left, right
	}
	return re, false, false
}

// expression takes what an expression matches.
func (p *pattern) expression(from state, re *syntax.Regexp) (state, error) {
	switch re.Op {
	case syntax.OpNoMatch:
		return p.b.state(), nil // nothing leads there
	case syntax.OpEmptyMatch:
		return from, nil
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			from = p.runes(from, folded(r, re.Flags))
		}
		return from, nil
	case syntax.OpCharClass:
		return p.runes(from, re.Rune), nil
	case syntax.OpAnyChar:
		return p.runes(from, []rune{0, unicode.MaxRune}), nil
	case syntax.OpAnyCharNotNL:
		return p.runes(from, []rune{0, '\n' - 1, '\n' + 1, unicode.MaxRune}), nil
	case syntax.OpCapture:
		return p.expression(from, re.Sub[0])
	case syntax.OpConcat:
		return p.concat(from, re.Sub)
	case syntax.OpAlternate:
		var ends []state
		for _, sub := range re.Sub {
			end, err := p.expression(from, sub)
			if err != nil {
				return 0, err
			}
			ends = append(ends, end)
		}
		return p.b.join(ends...), nil
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest:
		return p.repeat(from, re)
	}
	return 0, fmt.Errorf("%s in the middle of an expression cannot be enforced", re)
}

func (p *pattern) concat(from state, list []*syntax.Regexp) (state, error) {
	var err error
	for _, sub := range list {
		if from, err = p.expression(from, sub); err != nil {
			return 0, err
		}
	}
	return from, nil
}

func (p *pattern) repeat(from state, re *syntax.Regexp) (state, error) {
	begin := p.b.join(from)
	end, err := p.expression(begin, re.Sub[0])
	if err != nil {
		return 0, err
	}
	if re.Op != syntax.OpQuest {
		p.b.free(end, begin)
	}
	if re.Op == syntax.OpPlus {
		return p.b.join(end), nil
	}
	return p.b.join(begin, end), nil
}

// folded returns the ranges of a character, in both cases if case is to be ignored.
func folded(r rune, flags syntax.Flags) []rune {
	ranges := []rune{r, r}
	if flags&syntax.FoldCase != 0 {
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			ranges = append(ranges, f, f)
		}
	}
	return ranges
}

// anything takes any text.
func (p *pattern) anything(from state) state {
	loop := p.b.join(from)
	p.b.free(p.runes(loop, []rune{0, unicode.MaxRune}), loop)
	return p.b.join(loop)
}

// runes takes one character of a few ranges.
func (p *pattern) runes(from state, ranges []rune) state {
	if p.count != nil { // before it is taken: one too many does not begin
		from = p.count.tick(p.b, from)
	}
	to := p.b.state()
	for i := 0; i+1 < len(ranges); i += 2 {
		p.span(from, ranges[i], ranges[i+1], to)
	}
	return to
}

// span takes one character of a range, each as it is spelled.
func (p *pattern) span(from state, lo, hi rune, to state) {
	for r := lo; r <= min(hi, 0x7f); r++ {
		if text := p.spell(r); text != "" {
			p.b.free(p.b.literal(from, text), to)
			continue
		}
		last := r
		for last < min(hi, 0x7f) && p.spell(last+1) == "" {
			last++
		}
		p.b.bytesTo(from, byte(r), byte(last), to)
		r = last
	}
	if hi > 0x7f {
		p.b.beyond(from, max(lo, 0x80), hi, to)
	}
}

// beyond takes one character of a range outside of ASCII, in UTF-8.
func (b *builder) beyond(from state, lo, hi rune, to state) {
	for _, part := range []struct{ lo, hi rune }{{0x80, 0x7ff}, {0x800, 0xd7ff}, {0xe000, 0xffff}, {0x10000, unicode.MaxRune}} {
		if l, h := max(lo, part.lo), min(hi, part.hi); l <= h {
			b.sequences(from, []byte(string(l)), []byte(string(h)), to)
		}
	}
}

// sequences takes the characters from lo to hi, which are as long in UTF-8.
func (b *builder) sequences(from state, lo, hi []byte, to state) {
	if len(lo) == 1 {
		b.bytesTo(from, lo[0], hi[0], to)
		return
	}
	if lo[0] == hi[0] {
		b.sequences(b.bytes(from, lo[0], lo[0]), lo[1:], hi[1:], to)
		return
	}
	least, most := continuation(len(lo)-1, 0x80), continuation(len(lo)-1, 0xbf)
	first, last := lo[0], hi[0]
	if string(lo[1:]) != string(least) {
		b.sequences(b.bytes(from, first, first), lo[1:], most, to)
		first++
	}
	if string(hi[1:]) != string(most) {
		b.sequences(b.bytes(from, last, last), least, hi[1:], to)
		last--
	}
	if first <= last {
		b.sequences(b.bytes(from, first, last), least, most, to)
	}
}

func continuation(n int, b byte) []byte {
	list := make([]byte, n)
	for i := range list {
		list[i] = b
	}
	return list
}
