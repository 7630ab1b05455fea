package tokenizer

import "fmt"

// A SpecialPolicy says what Decode makes of special tokens.
type SpecialPolicy int

const (
	IgnoreSpecial SpecialPolicy = iota // leave them out
	KeepSpecial                        // write their names
	RaiseSpecial                       // refuse them with an error
)

// Decode returns the text of tokens. Runs of ordinary tokens between special
// ones are decoded on their own; in each, U+FFFD stands for every maximal part
// of a UTF-8 sequence that is not whole, as in Python's errors="replace".
// An id outside the vocabulary is an error.
func (t *Tekken) Decode(tokens []Token, policy SpecialPolicy) (string, error) {
	var text, group []byte
	for i, tok := range tokens {
		switch {
		case tok < 0 || tok >= t.size:
			return "", fmt.Errorf("tokenizer: token %d is %d, want 0 to %d", i, tok, t.size-1)
		case tok >= t.special:
			group = append(group, t.rank(int32(tok-t.special))...)
			continue
		case policy == RaiseSpecial:
			return "", fmt.Errorf("tokenizer: Decoding `tokens` that contain special tokens (%d %s at %d) is not allowed",
				tok, t.Name(tok), i)
		}
		text, _ = appendValid(text, group, true)
		group = group[:0]
		if policy == KeepSpecial {
			text = append(text, t.Name(tok)...)
		}
	}
	text, _ = appendValid(text, group, true)
	return string(text), nil
}

// A Decoder turns a stream of tokens into text. It holds back up to three
// bytes until they are whole UTF-8, so what Next and Flush return adds up to
// Decode with IgnoreSpecial.
type Decoder struct {
	tekken  *Tekken
	pending []byte
}

// NewDecoder returns a decoder at the start of a text.
func (t *Tekken) NewDecoder() *Decoder { return &Decoder{tekken: t} }

// Next returns the text that tok completes, often none. A special token ends
// the text before it and has none itself; so has an id outside the vocabulary.
func (d *Decoder) Next(tok Token) string {
	if tok < d.tekken.special || tok >= d.tekken.size {
		return d.Flush()
	}
	d.pending = append(d.pending, d.tekken.rank(int32(tok-d.tekken.special))...)
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
