package tokenizer

import (
	"errors"
	"fmt"
	"strings"
)

// A GGUFMeta is what the metadata of a GGUF file say of the vocabulary, each
// field the key of that name under tokenizer. or tokenizer.ggml.
type GGUFMeta struct {
	Model        string   // must be "gpt2": byte-level BPE
	Pre          string   // how text is cut before merging; "" is llama.cpp's default
	Tokens       []string // spelled as GPT-2 does; special ones as they are
	Merges       []string // "left right", first ones first
	TokenType    []int32  // as gguf's TokenType; empty means that all tokens are normal
	BOS, EOS     *uint32  // bos_token_id, eos_token_id; nil if the file has none
	EOT          *uint32  // eot_token_id, likewise
	AddBOS       *bool    // add_bos_token; nil leaves it to Pre
	ChatTemplate string   // tokenizer.chat_template; "" if the file has none

	// Image says how images become tokens, which the vocabulary does not know; zero
	// if the model takes none. Only a *Tekken has use for it.
	Image ImageConfig
}

// Token types of GGUF; gguf-py constants.py, TokenType.
const (
	ggufNormal      = 1
	ggufUnknown     = 2
	ggufControl     = 3
	ggufUserDefined = 4
	ggufUnused      = 5
	ggufByte        = 6
)

// ParseGGUF returns the vocabulary in the metadata of a GGUF file: a *Tekken if
// it is Tekken's, whatever Pre says, else a *BPE.
// Follows llama.cpp, src/llama-vocab.cpp.
func ParseGGUF(meta GGUFMeta) (Tokenizer, error) {
	t, err := meta.parse()
	if err != nil {
		return nil, fmt.Errorf("tokenizer: gguf: %w", err)
	}
	return t, nil
}

func (g *GGUFMeta) parse() (Tokenizer, error) {
	switch {
	case g.Model != "gpt2":
		return nil, fmt.Errorf(`tokenizer.ggml.model is %q; only "gpt2", byte-level BPE, can be read`, g.Model)
	case len(g.Tokens) == 0 || len(g.Tokens) > maxRows:
		return nil, fmt.Errorf("tokenizer.ggml.tokens has %d", len(g.Tokens))
	case len(g.TokenType) > 0 && len(g.TokenType) != len(g.Tokens):
		return nil, fmt.Errorf("tokenizer.ggml.token_type has %d, but there are %d tokens", len(g.TokenType), len(g.Tokens))
	}
	s := &source{template: g.ChatTemplate, image: g.Image}
	for i, text := range g.Tokens {
		s.rows = append(s.rows, row{text, g.kind(i)})
	}
	var err error
	if s.bos, err = g.id("bos_token_id", g.BOS); err != nil {
		return nil, err
	}
	if s.eos, err = g.id("eos_token_id", g.EOS); err != nil {
		return nil, err
	}
	eot, err := g.id("eot_token_id", g.EOT)
	if err != nil {
		return nil, err
	}
	for _, id := range []Token{s.bos, s.eos, eot} {
		if id != noToken && s.rows[id].kind > control {
			s.rows[id].kind = control // no text may spell it
		}
	}
	t, err := s.vocabulary(func() error { return g.finish(s) })
	if b, ok := t.(*BPE); ok && eot != noToken {
		b.ends[eot] = true
	}
	return t, err
}

// finish reads what only a vocabulary that is not Tekken's needs.
func (g *GGUFMeta) finish(s *source) error {
	pre, err := preTokenizerNamed(g.Pre)
	if err != nil {
		return fmt.Errorf("tokenizer.ggml.pre: %w", err)
	}
	if s.pre, err = splitters(pre.patterns); err != nil {
		return err
	}
	s.ignoreMerges, s.addBOS = pre.ignoreMerges, pre.addBOS
	if g.AddBOS != nil {
		s.addBOS = *g.AddBOS
	}
	if len(g.Merges) == 0 {
		return errors.New("tokenizer.ggml.merges is missing")
	}
	for i, m := range g.Merges {
		left, right, ok := strings.Cut(m, " ")
		if !ok {
			return fmt.Errorf("tokenizer.ggml.merges[%d] is %.80q, want two tokens", i, m)
		}
		s.merges = append(s.merges, [2]string{left, right})
	}
	return nil
}

func (g *GGUFMeta) kind(i int) kind {
	if len(g.TokenType) == 0 {
		return ordinary
	}
	switch g.TokenType[i] {
	case ggufNormal, ggufByte:
		return ordinary
	case ggufUserDefined:
		return literal
	case ggufControl, ggufUnknown:
		return control
	}
	return unused
}

func (g *GGUFMeta) id(key string, id *uint32) (Token, error) {
	if id == nil {
		return noToken, nil
	}
	if int64(*id) >= int64(len(g.Tokens)) {
		return noToken, fmt.Errorf("tokenizer.ggml.%s is %d, but there are %d tokens", key, *id, len(g.Tokens))
	}
	return Token(*id), nil
}
