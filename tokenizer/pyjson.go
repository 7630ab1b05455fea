package tokenizer

import (
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Python's json, as far as the chat encoding shows it: values keep the order of
// their keys, numbers their kind. A value is nil, bool, string, number, []any
// or *object.

// A number as Python would print it.
type number string

// An object whose keys keep the order in which they first came.
type object struct {
	keys   []string
	values map[string]any
}

func (o *object) set(key string, v any) {
	if _, ok := o.values[key]; !ok {
		o.keys = append(o.keys, key)
	}
	o.values[key] = v
}

// pairsOf returns an object of key, value, key, value, …
func pairsOf(kv ...any) *object {
	o := &object{values: make(map[string]any, len(kv)/2)}
	for i := 0; i < len(kv); i += 2 {
		o.set(kv[i].(string), kv[i+1])
	}
	return o
}

var (
	errJSON  = errors.New("not JSON")
	errDepth = errors.New("JSON is nested too deep")
)

// maxDepth is near the depth at which Python gives up, its recursion limit.
const maxDepth = 990

// loads is Python's json.loads: strict JSON, and NaN, Infinity and -Infinity.
func loads(text string) (any, error) {
	p := pyParser{text: text}
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if p.space(); p.pos != len(text) {
		return nil, errJSON
	}
	return v, nil
}

type pyParser struct {
	text string
	pos  int
}

func (p *pyParser) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	switch p.space(); p.peek() {
	case '{':
		return p.object(depth)
	case '[':
		return p.list(depth)
	case '"':
		return p.string()
	}
	for _, word := range []struct {
		text string
		v    any
	}{{"null", nil}, {"true", true}, {"false", false},
		{"NaN", number("NaN")}, {"Infinity", number("Infinity")}, {"-Infinity", number("-Infinity")}} {
		if strings.HasPrefix(p.text[p.pos:], word.text) {
			p.pos += len(word.text)
			return word.v, nil
		}
	}
	return p.number()
}

func (p *pyParser) object(depth int) (any, error) {
	o := pairsOf()
	p.pos++
	if p.accept('}') {
		return o, nil
	}
	for {
		p.space()
		key, err := p.string()
		if err != nil {
			return nil, err
		}
		if !p.accept(':') {
			return nil, errJSON
		}
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		o.set(key, v)
		if p.accept('}') {
			return o, nil
		}
		if !p.accept(',') {
			return nil, errJSON
		}
	}
}

func (p *pyParser) list(depth int) (any, error) {
	list := []any{}
	p.pos++
	if p.accept(']') {
		return list, nil
	}
	for {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if p.accept(']') {
			return list, nil
		}
		if !p.accept(',') {
			return nil, errJSON
		}
	}
}

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

func (p *pyParser) peek() byte {
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

func (p *pyParser) space() {
	for c := p.peek(); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = p.peek() {
		p.pos++
	}
}

func (p *pyParser) accept(c byte) bool {
	if p.space(); p.peek() == c {
		p.pos++
		return true
	}
	return false
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

// integer returns the value of a whole number, which 2.0 is too.
func (n number) integer() (*big.Int, bool) {
	s, _ := strings.CutSuffix(string(n), ".0")
	return new(big.Int).SetString(s, 10)
}
