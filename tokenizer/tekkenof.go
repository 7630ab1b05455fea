package tokenizer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// errNotTekken says that a vocabulary is another one than Tekken's.
var errNotTekken = errors.New("not a Tekken vocabulary")

// tekken returns the Tekken vocabulary that a source has in the spelling of
// others: special tokens, among them those of builtin at their places, then the
// 256 bytes in order, then all tokens by rank. errNotTekken if it is none.
//
// Its merges and its pattern are not looked at: ranks are enough, and several
// uploads carry a wrong pattern (spec §12.7).
func (s *source) tekken() (*Tekken, error) {
	first := slices.IndexFunc(s.rows, func(r row) bool { return r.text == string(byteSpelling[0]) })
	if first < len(required) || len(s.rows) < first+256 {
		return nil, errNotTekken
	}
	for i, name := range required {
		if s.rows[i].text != name {
			return nil, errNotTekken
		}
	}
	for b, spelling := range byteSpelling {
		if s.rows[first+b].text != string(spelling) {
			return nil, errNotTekken
		}
	}
	t := &Tekken{special: Token(first), size: Token(len(s.rows)), Image: s.image}
	for _, r := range s.rows[:first] {
		t.specials = append(t.specials, r.text)
	}
	err := distinct(t.specials, first)
	if err == nil {
		t.Control, err = controls(t.specials)
	}
	var entries []entry
	if err == nil {
		entries, err = s.ranked(first)
	}
	if err == nil {
		err = t.index(entries)
	}
	if err == nil && s.template != "" && (!strings.Contains(s.template, "[INST]") || strings.Contains(s.template, "[SYSTEM_PROMPT]")) {
		t.noChat = errTemplate
	}
	return t, err
}

// required are the special tokens that every Tekken vocabulary begins with.
var required = builtin[:17]

// ranked returns the rows from first on as entries of a tekken.json.
func (s *source) ranked(first int) ([]entry, error) {
	entries := make([]entry, 0, len(s.rows)-first)
	for i, r := range s.rows[first:] {
		text, ok := unspell(r.text)
		if !ok || text == "" || r.kind != ordinary {
			return nil, fmt.Errorf("token %d, %q, is not an ordinary one", first+i, r.text)
		}
		entries = append(entries, entry{rank: int64(i), bytes: []byte(text)})
	}
	return entries, nil
}

// vocabulary returns the Tokenizer of a source: Tekken's if it is that, else
// the one that finish completes.
func (s *source) vocabulary(finish func() error) (Tokenizer, error) {
	t, err := s.tekken()
	if err == nil {
		return t, nil
	}
	if !errors.Is(err, errNotTekken) {
		return nil, fmt.Errorf("the vocabulary is Tekken's but for one thing: %w; put the model's tekken.json beside it", err)
	}
	if err := finish(); err != nil {
		return nil, err
	}
	b, err := s.build()
	if err != nil {
		return nil, err
	}
	return b, nil
}
