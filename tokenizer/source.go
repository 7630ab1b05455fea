package tokenizer

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"golang.org/x/text/unicode/norm"
)

// A source is what a file says of a vocabulary, whichever the file's form.
type source struct {
	rows         []row
	merges       [][2]string // as spelled
	ignoreMerges bool
	nfc          bool
	pre          []splitter
	bos, eos     Token // rows, or noToken if the file names none
	addBOS       bool
	template     string      // of conversations; "" if the file has none
	image        ImageConfig // for a Tekken vocabulary
}

// A row is one token as the file has it: ordinary ones spelled byte by byte,
// others as they are.
type row struct {
	text string
	kind kind
}

// maxRows is above what any model has: the largest vocabularies have 300,000.
const maxRows = 1 << 22

// enders are the tokens that end a turn or a text in the vocabularies of the
// families in use. Models end with them whether or not the file calls them EOS,
// so they are special even if the file does not say so.
var enders = []string{
	"</s>", "<|endoftext|>", "<|end_of_text|>", "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<end_of_turn>", "<EOT>",
}

// openers are the other tokens that no text may spell.
var openers = []string{"<s>", "<|begin_of_text|>", "<|im_start|>", "<|start_header_id|>", "<|end_header_id|>", "[INST]", "[/INST]"}

// build makes the vocabulary of a source that is not Tekken's.
func (s *source) build() (*BPE, error) {
	b := &BPE{
		tokens: make([]bpeToken, len(s.rows)), ids: make(map[string]Token, len(s.rows)), specials: map[string]Token{},
		ignoreMerges: s.ignoreMerges, nfc: s.nfc, pre: s.pre, bos: s.bos, ends: map[Token]bool{},
	}
	for i := range s.rows {
		if err := b.addRow(Token(i), s.rows[i]); err != nil {
			return nil, fmt.Errorf("token %d: %w", i, err)
		}
	}
	if len(b.ids) == 0 {
		return nil, errors.New("no ordinary tokens")
	}
	if err := b.addMerges(s.merges); err != nil {
		return nil, err
	}
	b.addSpecials(s)
	b.template = recognise(s.template, b.specials)
	return b, nil
}

func (b *BPE) addRow(id Token, r row) error {
	if r.kind > control && (slices.Contains(enders, r.text) || slices.Contains(openers, r.text)) {
		r.kind = control
	}
	t := &b.tokens[id]
	*t = bpeToken{r.text, r.kind}
	switch r.kind {
	case control:
		if _, ok := b.specials[r.text]; ok || r.text == "" {
			return fmt.Errorf("special token %q has no name or stands there twice", r.text)
		}
		b.specials[r.text] = id
	case ordinary:
		text, ok := unspell(r.text)
		if !ok { // a token that no text reaches, but the model may say
			return nil
		}
		if _, ok := b.ids[text]; ok || text == "" {
			return fmt.Errorf("%q is empty or stands there twice", r.text)
		}
		t.name = text
		b.ids[text] = id
		if len(text) == 1 {
			b.isToken[text[0]] = true
		}
	case literal, literalAfter:
		if r.text == "" {
			return errors.New("added token is empty")
		}
		set := &b.literals[r.kind-literal]
		if r.kind == literalAfter && b.nfc {
			r.text = norm.NFC.String(r.text)
		}
		set.add(r.text, id)
	}
	return nil
}

// addMerges checks that every merge is of tokens and makes one. A merge that
// has to do with a special token is left out: no text may become one. So is one
// with a literal, which is cut out of the text before there is any merging.
func (b *BPE) addMerges(merges [][2]string) error {
	if len(merges) > math.MaxInt32 {
		return fmt.Errorf("%d merges", len(merges))
	}
	b.merges = make(map[[2]string]int32, len(merges))
	for i, m := range merges {
		var pair [2]string
		apart := false
		for j, spelling := range []string{m[0], m[1], m[0] + m[1]} {
			text, _ := unspell(spelling)
			_, isToken := b.ids[text]
			switch {
			case b.apart(spelling, text):
				apart = true
			case !isToken:
				return fmt.Errorf("merges[%d]: %q is not in the vocabulary", i, spelling)
			case j < 2:
				pair[j] = text
			}
		}
		if apart {
			continue
		}
		if _, ok := b.merges[pair]; ok {
			return fmt.Errorf("merges[%d]: %q and %q stand there twice", i, m[0], m[1])
		}
		b.merges[pair] = int32(i)
		b.longest = max(b.longest, len(pair[0])+len(pair[1]))
	}
	return nil
}

// apart reports whether a token is special or a literal.
func (b *BPE) apart(spelling, text string) bool {
	_, special := b.specials[spelling]
	_, before := b.literals[0].ids[text]
	_, after := b.literals[1].ids[text]
	return special || before || after
}

func (b *BPE) addSpecials(s *source) {
	for _, name := range enders {
		if id, ok := b.specials[name]; ok {
			b.ends[id] = true
		}
	}
	if s.eos != noToken {
		b.ends[s.eos] = true
	}
	b.addBOS = s.addBOS && s.bos != noToken
}
