package eval

import (
	"fmt"
	"strconv"
	"strings"
)

// literals returns a column that holds a list of texts, or one written as
// Python writes it: "['a', 'it\'s', \"b\"]". MMMU's options and answers are so.
func (r Row) literals(column string) ([]string, error) {
	if _, ok := r.Columns[column].([]any); ok {
		return r.texts(column)
	}
	s, err := r.text(column)
	if err != nil {
		return nil, err
	}
	list, err := pythonList(s)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", column, err)
	}
	return list, nil
}

// pythonList reads a list of Python's string literals and numbers.
func pythonList(s string) (list []string, err error) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(s), "[")
	rest, closed := strings.CutSuffix(rest, "]")
	if !ok || !closed {
		return nil, fmt.Errorf("%q is no list", s)
	}
	for rest = strings.TrimSpace(rest); rest != ""; {
		var item string
		if item, rest, err = pythonLiteral(rest); err != nil {
			return nil, err
		}
		list = append(list, item)
		rest = strings.TrimSpace(rest)
		if rest == "" {
			break
		}
		if rest[0] != ',' {
			return nil, fmt.Errorf("a comma is missing before %q", rest)
		}
		rest = strings.TrimSpace(rest[1:])
	}
	return list, nil
}

var pythonEscapes = map[byte]string{'n': "\n", 't': "\t", 'r': "\r", '\\': `\`, '\'': "'", '"': `"`, '\n': ""}

// codePoint reads xNN, uNNNN or UNNNNNNNN and returns the character and how
// many digits it took, 0 if it is none of them.
func codePoint(s string) (rune, int) {
	n := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[0]]
	if n == 0 || len(s) < 1+n {
		return 0, 0
	}
	v, err := strconv.ParseUint(s[1:1+n], 16, 32)
	if err != nil {
		return 0, 0
	}
	return rune(v), n
}

// pythonLiteral cuts one literal off the front of s.
func pythonLiteral(s string) (item, rest string, err error) {
	quote := s[0]
	if quote != '\'' && quote != '"' {
		end := strings.IndexByte(s, ',')
		if end < 0 {
			end = len(s)
		}
		return strings.TrimSpace(s[:end]), s[end:], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == quote:
			return b.String(), s[i+1:], nil
		case c == '\\' && i+1 < len(s):
			i++
			if out, ok := pythonEscapes[s[i]]; ok {
				b.WriteString(out)
			} else if r, n := codePoint(s[i:]); n > 0 {
				b.WriteRune(r)
				i += n
			} else {
				b.WriteString(s[i-1 : i+1]) // Python keeps what it does not know
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", "", fmt.Errorf("a quote is not closed in %q", s)
}
