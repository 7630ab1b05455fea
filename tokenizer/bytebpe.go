package tokenizer

import (
	"golang.org/x/text/unicode/norm"
)

// A BPE is a byte-level BPE vocabulary of the GPT-2 kind, as Hugging Face's
// tokenizer.json and GGUF files carry them: merges in their order, pieces by
// regular expressions, special tokens anywhere. It is never changed once read.
//
// Its ids are those of Hugging Face's tokenizers with encode_special_tokens:
// a text cannot spell a special token.
type BPE struct {
	tokens       []bpeToken
	ids          map[string]Token    // ordinary tokens by their bytes
	isToken      [256]bool           // bytes among them
	specials     map[string]Token    // special tokens by name
	merges       map[[2]string]int32 // rank of a pair of tokens' bytes
	longest      int                 // result of a merge, bytes
	ignoreMerges bool                // a piece that is a token is not merged
	literals     [2]literals         // found in the text before, and after normalizing
	nfc          bool
	pre          []splitter
	bos          Token // noToken if there is none
	addBOS       bool  // to a plain prompt
	ends         map[Token]bool
	template     template
}

// noToken stands for a special token that the vocabulary does not have.
const noToken Token = -1

// A bpeToken is one row of the vocabulary.
type bpeToken struct {
	name string // bytes of an ordinary token, name of a special one
	kind kind
}

// A kind says what a row of the vocabulary is for.
type kind uint8

const (
	unused       kind = iota // no token, or one that stands for nothing
	control                  // special: only a conversation's form has it
	ordinary                 // bytes, made by merging
	literal                  // a text that is a token wherever it stands
	literalAfter             // likewise, once the text is normalized
)

// Encode returns the tokens of text and nothing else: no BOS, and no special
// token even if the text spells one. Bytes that are not UTF-8 are read as
// U+FFFD; bytes that the vocabulary has no token for are left out, as
// tokenizers and llama.cpp do.
func (b *BPE) Encode(text string) []Token {
	text = toValid(text)
	e := &bpeEncoder{BPE: b, tokens: make([]Token, 0, len(text)/4)}
	b.literals[0].cut(text, e.token, func(part string) {
		if b.nfc {
			// It ends a character after 30 marks, unlike others (UAX #15, stream-safe text).
			part = norm.NFC.String(part)
		}
		b.literals[1].cut(part, e.token, e.text)
	})
	return e.tokens
}

// A bpeEncoder writes the tokens of one text.
type bpeEncoder struct {
	*BPE
	tokens []Token
	merger merger
}

func (e *bpeEncoder) token(tok Token) { e.tokens = append(e.tokens, tok) }

// text encodes a text without literals.
func (e *bpeEncoder) text(text string) {
	pieces := []string{text}
	for _, split := range e.pre {
		var next []string
		for _, piece := range pieces {
			next = append(next, split(piece)...)
		}
		pieces = next
	}
	for _, piece := range pieces {
		e.piece(piece)
	}
}

func (e *bpeEncoder) piece(piece string) {
	if id, ok := e.ids[piece]; ok && (e.ignoreMerges || len(piece) == 1) {
		e.token(id)
		return
	}
	piece = e.known(piece)
	e.merger.merge(e.BPE, piece)
	for i := 0; i < len(piece); i = e.merger.ends[i] {
		e.token(e.ids[piece[i:e.merger.ends[i]]])
	}
}

// known returns piece without the bytes that are no tokens.
func (b *BPE) known(piece string) string {
	var rest []byte
	for i := range len(piece) {
		if b.isToken[piece[i]] {
			rest = append(rest, piece[i])
		}
	}
	return string(rest)
}

// pairRank is the place of the pair among the merges.
func (b *BPE) pairRank(piece string, start, mid, end int) (int32, bool) {
	if end-start > b.longest {
		return 0, false
	}
	rank, ok := b.merges[[2]string{piece[start:mid], piece[mid:end]}]
	return rank, ok
}

// EncodePrompt returns the prompt for a text that the model is to go on with:
// a BOS if the model was trained with one, and the text.
func (b *BPE) EncodePrompt(text string) []Token {
	if b.addBOS {
		return append([]Token{b.bos}, b.Encode(text)...)
	}
	return b.Encode(text)
}

// Decode returns the text of tokens; see Tekken.Decode.
func (b *BPE) Decode(tokens []Token, policy SpecialPolicy) (string, error) {
	return decode(b, tokens, policy)
}

// NewDecoder returns a decoder at the start of a text.
func (b *BPE) NewDecoder() *Decoder { return &Decoder{vocabulary: b} }

// VocabSize returns the number of rows, those without a token included. A model
// may have more, to round its embedding up.
func (b *BPE) VocabSize() int { return len(b.tokens) }

// IsControl reports whether tok is a special token or a row without a token,
// which stand for no text.
func (b *BPE) IsControl(tok Token) bool {
	return tok >= 0 && int(tok) < len(b.tokens) && b.tokens[tok].kind <= control
}

// Ends reports whether tok ends an answer: EOS, or a token of that name.
func (b *BPE) Ends(tok Token) bool { return b.ends[tok] }

// Name returns what to show for a token: the name of a special one
// ("<|im_end|>"), the text of an ordinary one with U+FFFD for bytes that are
// not UTF-8, "" for an id outside the vocabulary.
func (b *BPE) Name(tok Token) string {
	if tok < 0 || int(tok) >= len(b.tokens) {
		return ""
	}
	return toValid(b.tokens[tok].name)
}

// Bytes returns the text of an ordinary token, which may be a part of a UTF-8
// sequence; nil for a special token or an id outside the vocabulary.
func (b *BPE) Bytes(tok Token) []byte { return textBytes(b, tok) }

func (b *BPE) bytesOf(tok Token) (string, bool) {
	if tok < 0 || int(tok) >= len(b.tokens) || b.tokens[tok].kind <= control {
		return "", false
	}
	return b.tokens[tok].name, true
}
