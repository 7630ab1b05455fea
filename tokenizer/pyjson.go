package tokenizer

import (
	"errors"
	"strings"
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
