package tokenizer

import "fmt"

// A SpecialPolicy says what Decode makes of special tokens.
type SpecialPolicy int

const (
	IgnoreSpecial SpecialPolicy = iota // leave them out
	KeepSpecial                        // write their names
	RaiseSpecial                       // refuse them with an error
)

// A vocabulary is what decoding needs of a tokenizer.
type vocabulary interface {
	// bytesOf returns the bytes of an ordinary token, false for a special one and
	// for an id outside the vocabulary.
	bytesOf(tok Token) (string, bool)
	Name(tok Token) string
	VocabSize() int
}

// Decode returns the text of tokens. Runs of ordinary tokens between special
// ones are decoded on their own; in each, U+FFFD stands for every maximal part
// of a UTF-8 sequence that is not whole, as in Python's errors="replace".
// An id outside the vocabulary is an error.
func (t *Tekken) Decode(tokens []Token, policy SpecialPolicy) (string, error) {
	return decode(t, tokens, policy)
}

func decode(v vocabulary, tokens []Token, policy SpecialPolicy) (string, error) {
	var text, group []byte
	for i, tok := range tokens {
		part, ordinary := v.bytesOf(tok)
		switch {
		case ordinary:
			group = append(group, part...)
			continue
		case tok < 0 || int(tok) >= v.VocabSize():
			return "", fmt.Errorf("tokenizer: token %d is %d, want 0 to %d", i, tok, v.VocabSize()-1)
		case policy == RaiseSpecial:
			return "", fmt.Errorf("tokenizer: Decoding `tokens` that contain special tokens (%d %s at %d) is not allowed",
				tok, v.Name(tok), i)
		}
		text, _ = appendValid(text, group, true)
		group = group[:0]
		if policy == KeepSpecial {
			text = append(text, v.Name(tok)...)
		}
	}
	text, _ = appendValid(text, group, true)
	return string(text), nil
}

// A Decoder turns a stream of tokens into text. It holds back up to three
// bytes until they are whole UTF-8, so what Next and Flush return adds up to
// Decode with IgnoreSpecial.
type Decoder struct {
	vocabulary vocabulary
	pending    []byte
}

// NewDecoder returns a decoder at the start of a text.
func (t *Tekken) NewDecoder() *Decoder { return &Decoder{vocabulary: t} }

// Next returns the text that tok completes, often none. A special token ends
// the text before it and has none itself; so has an id outside the vocabulary.
func (d *Decoder) Next(tok Token) string {
	part, ordinary := d.vocabulary.bytesOf(tok)
	if !ordinary {
		return d.Flush()
	}
	d.pending = append(d.pending, part...)
	text, rest := appendValid(nil, d.pending, false)
	d.pending = append(d.pending[:0], rest...)
	return string(text)
}

// Flush ends the text: bytes held back come out as U+FFFD.
func (d *Decoder) Flush() string {
	text, _ := appendValid(nil, d.pending, true)
	d.pending = d.pending[:0]
	return string(text)
}
