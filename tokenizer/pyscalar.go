package tokenizer

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

func (p *pyParser) string() (string, error) {
	if p.peek() != '"' {
		return "", errJSON
	}
	var s strings.Builder
	for p.pos++; p.pos < len(p.text); p.pos++ {
		switch c := p.text[p.pos]; {
		case c == '"':
			p.pos++
			return toValid(s.String()), nil
		case c < ' ':
			return "", errJSON
		case c != '\\':
			s.WriteByte(c)
		default:
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			s.WriteRune(r)
		}
	}
	return "", errJSON
}

// escape reads from a backslash and leaves pos on the last byte. Half of a
// surrogate pair becomes U+FFFD, which is what the tokenizer makes of it.
func (p *pyParser) escape() (rune, error) {
	p.pos++
	if i := strings.IndexByte(`"\/bfnrt`, p.peek()); i >= 0 && p.pos < len(p.text) {
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	r, ok := p.hex(p.pos)
	if !ok {
		return 0, errJSON
	}
	p.pos += 4
	if utf16.IsSurrogate(r) {
		low, ok := rune(0), false
		if strings.HasPrefix(p.text[p.pos+1:], `\u`) {
			low, ok = p.hex(p.pos + 2)
		}
		pair := utf16.DecodeRune(r, low)
		if ok && pair != utf8.RuneError {
			p.pos += 6
		}
		return pair, nil
	}
	return r, nil
}

// hex reads uXXXX at pos.
func (p *pyParser) hex(pos int) (rune, bool) {
	if pos+5 > len(p.text) || p.text[pos] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(p.text[pos+1:pos+5], 16, 16)
	return rune(n), err == nil
}

func (p *pyParser) number() (any, error) {
	start := p.pos
	if p.peek() == '-' {
		p.pos++
	}
	whole := p.digits()
	if whole == 0 || whole > 1 && p.text[p.pos-whole] == '0' {
		return nil, errJSON
	}
	float := false
	if p.peek() == '.' {
		p.pos++
		if float = true; p.digits() == 0 {
			return nil, errJSON
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.pos++
		if c := p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		if float = true; p.digits() == 0 {
			return nil, errJSON
		}
	}
	literal := p.text[start:p.pos]
	if float {
		f, _ := strconv.ParseFloat(literal, 64) // out of range gives ±Inf, as in Python
		return number(pyFloat(f)), nil
	}
	if literal == "-0" {
		literal = "0"
	}
	return number(literal), nil
}

func (p *pyParser) digits() (n int) {
	for ; '0' <= p.peek() && p.peek() <= '9'; p.pos++ {
		n++
	}
	return n
}

// pyFloat is Python's repr of a float: the shortest digits that read back the
// same, plain between 1e-4 and 1e16.
func pyFloat(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// float returns the value of a number, as near as a float comes.
func (n number) float() float64 {
	f, _ := strconv.ParseFloat(string(n), 64) // NaN and Infinity it knows by these names
	return f
}

// whole reports whether a number is an integer, which 2.0 is too.
func (n number) whole() bool {
	f := n.float()
	return !strings.ContainsAny(string(n), ".eIN") || f == math.Trunc(f) && !math.IsInf(f, 0)
}
