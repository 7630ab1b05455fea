package tokenizer

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// An entry is one element of the file's "vocab". Its token_str, a copy of the
// bytes for the reader, is not read.
type entry struct {
	rank  int64
	bytes []byte
}

// file is a tekken.json taken apart: the vocabulary decoded, the small blocks
// left as JSON.
type file struct {
	entries                             []entry
	config, specials, multimodal, image json.RawMessage
}

// scanner walks over JSON by hand. encoding/json takes a quarter of a second
// for the 130,000 entries of the released file, which every start would pay;
// this takes a tenth of that. It sees all of the structure, but it passes over
// the contents of values that nobody reads.
type scanner struct {
	data []byte
	pos  int
}

func scanFile(data []byte) (*file, error) {
	s := &scanner{data: data}
	f := new(file)
	seen := false
	err := s.object(func(key string) (err error) {
		switch key {
		case "vocab":
			seen = true
			f.entries, err = s.entries()
		case "config":
			f.config, err = s.raw()
		case "special_tokens":
			f.specials, err = s.raw()
		case "multimodal":
			f.multimodal, err = s.raw()
		case "image":
			f.image, err = s.raw()
		default:
			_, err = s.raw()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if s.space(); s.pos != len(s.data) {
		return nil, s.errorf("text after the end of the JSON object")
	}
	if !seen {
		return nil, errors.New(`no "vocab": not a Tekken vocabulary`)
	}
	return f, nil
}

// entries reads [{"rank": 0, "token_bytes": "AA==", "token_str": …}, …].
func (s *scanner) entries() ([]entry, error) {
	var all []entry
	// All tokens are decoded into one block: base64 never grows.
	text := make([]byte, 0, len(s.data)/4)
	if !s.accept('[') {
		return nil, s.errorf(`"vocab" is not a list`)
	}
	for !s.accept(']') {
		if len(all) > 0 && !s.accept(',') {
			return nil, s.errorf("vocab: want a comma after entry %d", len(all)-1)
		}
		e, grown, err := s.entry(text)
		if err != nil {
			return nil, fmt.Errorf("vocab[%d]: %w", len(all), err)
		}
		text = grown
		all = append(all, e)
	}
	return all, nil
}

func (s *scanner) entry(text []byte) (entry, []byte, error) {
	e := entry{rank: -1}
	err := s.object(func(key string) (err error) {
		switch key {
		case "rank":
			e.rank, err = s.integer()
		case "token_bytes":
			var code []byte
			if code, err = s.text(); err != nil {
				return err
			}
			start := len(text)
			if text, err = base64.StdEncoding.AppendDecode(text, code); err != nil {
				return fmt.Errorf("token_bytes: %w", err)
			}
			e.bytes = text[start:len(text):len(text)]
		default:
			_, err = s.raw()
		}
		return err
	})
	if err == nil && e.rank < 0 {
		err = errors.New("rank is missing or negative")
	}
	if err == nil && len(e.bytes) == 0 {
		err = errors.New("token_bytes is missing or empty")
	}
	return e, text, err
}

// object reads {"key": value, …}; visit must read each value.
func (s *scanner) object(visit func(key string) error) error {
	if !s.accept('{') {
		return s.errorf("want a JSON object")
	}
	for first := true; !s.accept('}'); first = false {
		if !first && !s.accept(',') {
			return s.errorf("want a comma or the end of the object")
		}
		key, err := s.text()
		if err != nil {
			return err
		}
		if !s.accept(':') {
			return s.errorf("want a colon after %q", key)
		}
		if err := visit(string(key)); err != nil {
			return err
		}
	}
	return nil
}

// text reads a string that holds no escapes, as keys and base64 do not.
func (s *scanner) text() ([]byte, error) {
	if !s.accept('"') {
		return nil, s.errorf("want a string")
	}
	n := bytes.IndexByte(s.data[s.pos:], '"')
	if n < 0 {
		return nil, s.errorf("unfinished string")
	}
	t := s.data[s.pos : s.pos+n]
	if bytes.IndexByte(t, '\\') >= 0 {
		return nil, s.errorf("escape in a key or a base64 string")
	}
	s.pos += n + 1
	return t, nil
}

func (s *scanner) integer() (int64, error) {
	s.space()
	var n int64
	start := s.pos
	for ; s.pos < len(s.data) && '0' <= s.data[s.pos] && s.data[s.pos] <= '9'; s.pos++ {
		if n = n*10 + int64(s.data[s.pos]-'0'); n > 1<<40 {
			return 0, s.errorf("number is too large")
		}
	}
	if s.pos == start {
		return 0, s.errorf("want a number that is not negative")
	}
	return n, nil
}

// raw passes over one value of any kind and returns its JSON. Brackets need
// only balance in number: a value that is read is parsed again, strictly.
func (s *scanner) raw() (json.RawMessage, error) {
	s.space()
	start, depth := s.pos, 0
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case '"':
			if !s.skipString() {
				return nil, s.errorf("unfinished string")
			}
			if depth == 0 {
				return s.data[start:s.pos], nil
			}
			continue
		case '{', '[':
			depth++
		case '}', ']', ',':
			if depth == 0 { // the end of a number, true, false or null
				if s.pos == start {
					return nil, s.errorf("want a value")
				}
				return s.data[start:s.pos], nil
			}
			if c == ',' {
				break
			}
			if depth--; depth == 0 {
				s.pos++
				return s.data[start:s.pos], nil
			}
		}
		s.pos++
	}
	return nil, s.errorf("unfinished value")
}

// skipString moves from an opening quote to after the closing one.
func (s *scanner) skipString() bool {
	for s.pos++; s.pos < len(s.data); s.pos++ {
		switch s.data[s.pos] {
		case '"':
			s.pos++
			return true
		case '\\':
			s.pos++
		}
	}
	return false
}

func (s *scanner) accept(c byte) bool {
	s.space()
	if s.pos < len(s.data) && s.data[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

func (s *scanner) errorf(format string, args ...any) error {
	return fmt.Errorf("byte %d: %s", s.pos, fmt.Sprintf(format, args...))
}
