// Package tokenizer turns text and conversations into token ids, and ids into
// text, exactly as Mistral's own library (mistral-common) does for Pixtral:
// the Tekken vocabulary, its scanner and byte-level BPE, and the chat encoding
// "v3-tekken".
//
// Open reads Tekken's own file. ParseHF and ParseGGUF read what checkpoints
// carry that come without it, Tekken in another spelling or another byte-level
// BPE. A Tokenizer is any of them.
package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// A Token is an index into the vocabulary. The special tokens come first, then
// the ordinary ones in the order of their ranks.
type Token int32

// A Tekken is the byte-level BPE vocabulary of a tekken.json. It is never
// changed once read, so any number of goroutines may use it.
type Tekken struct {
	Control Control     // the control tokens by name
	Image   ImageConfig // how images become tokens; zero if the file has no word on images

	specials []string         // names of the defined special tokens; ids from 0
	special  Token            // ids below this one are special tokens
	size     Token            // of the vocabulary, special tokens included
	bytes    string           // of all ordinary tokens, one after the other
	ends     []int32          // rank r is bytes[ends[r-1]:ends[r]]
	ranks    map[string]int32 // the same, the other way round
	longest  int              // ordinary token, bytes
	noChat   error            // why EncodeChat cannot; nil if it can
}

// Pattern is the pre-tokenization pattern of Tekken files, which split.go
// carries out by hand. A file with another one is refused: its ids would be
// wrong without notice.
const Pattern = `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|` +
	`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|` +
	`\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`

// maxFile bounds what Read takes into memory. The released files have 9 to 19 MB.
const maxFile = 256 << 20

var errTooLarge = errors.New("more than 256 MiB: not a vocabulary")

// IsTekken reports whether path is named as mistral-common expects of a
// vocabulary file: *tekken*.json.
func IsTekken(path string) bool {
	name := filepath.Base(path)
	return strings.Contains(name, "tekken") && filepath.Ext(name) == ".json"
}

// Open reads the vocabulary at path.
func Open(path string) (*Tekken, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("tokenizer: %s: %w", path, errTooLarge)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	t, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", path, err)
	}
	return t, nil
}

// Read reads a vocabulary of at most 256 MiB.
func Read(r io.Reader) (*Tekken, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("tokenizer: tekken.json: %w", err)
	}
	return Parse(data)
}

// Parse reads a vocabulary from the contents of a tekken.json.
func Parse(data []byte) (*Tekken, error) {
	t, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: tekken.json: %w", err)
	}
	return t, nil
}

// config is the file's block of that name. The counts are pointers because a
// missing one is an error, not zero.
type config struct {
	Pattern    string `json:"pattern"`
	VocabSize  *int64 `json:"default_vocab_size"`
	NumSpecial *int64 `json:"default_num_special_tokens"`
	Version    string `json:"version"`
}

func parse(data []byte) (*Tekken, error) {
	if len(data) > maxFile {
		return nil, errTooLarge
	}
	f, err := scanFile(data)
	if err != nil {
		return nil, err
	}
	var c config
	if f.config == nil {
		return nil, errors.New(`no "config": not a Tekken vocabulary`)
	}
	if err := json.Unmarshal(f.config, &c); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	if err := c.check(len(f.entries)); err != nil {
		return nil, err
	}
	t := &Tekken{special: Token(*c.NumSpecial), size: Token(*c.VocabSize)}
	if t.specials, err = specialTokens(f.specials, c.Version, int(t.special)); err != nil {
		return nil, err
	}
	if t.Control, err = controls(t.specials); err != nil {
		return nil, err
	}
	if t.Image, err = imageConfig(f.multimodal, f.image, c.Version); err != nil {
		return nil, err
	}
	// Files carry more entries than the model has rows; the rest is not part of it.
	if err := t.index(f.entries[:t.size-t.special]); err != nil {
		return nil, err
	}
	return t, nil
}

// versions are mistral-common's TokenizerVersion, oldest first.
var versions = []string{"v1", "v2", "v3", "v7", "v11", "v13", "v15"}

// age returns the place of a version in versions, or -1.
func age(version string) int {
	for i, v := range versions {
		if v == version {
			return i
		}
	}
	return -1
}

// check holds the config against itself and against the number of entries, so
// that no later count can exceed what the file really has.
func (c *config) check(entries int) error {
	if age(c.Version) < 0 {
		return fmt.Errorf("unknown version: %q, want one of %s", c.Version, strings.Join(versions, ", "))
	}
	if c.Pattern != Pattern {
		return fmt.Errorf("config.pattern is %.80q, not the pattern of Tekken", c.Pattern)
	}
	if c.VocabSize == nil || c.NumSpecial == nil {
		return errors.New("config needs default_vocab_size and default_num_special_tokens")
	}
	size, special := *c.VocabSize, *c.NumSpecial
	switch {
	case special < 1 || special > math.MaxInt32:
		return fmt.Errorf("config.default_num_special_tokens is %d", special)
	case size < special+256 || size > math.MaxInt32:
		return fmt.Errorf("config.default_vocab_size is %d, want at least %d special tokens and 256 bytes", size, special)
	case size-special > int64(entries):
		return fmt.Errorf("config.default_vocab_size is %d, but there are %d special tokens and %d in vocab",
			size, special, entries)
	}
	return nil
}

// index stores the ordinary tokens and checks the ranks of a byte-level BPE:
// in order, the 256 bytes first, no byte string twice.
func (t *Tekken) index(entries []entry) error {
	var text strings.Builder
	total := 0
	for i := range entries {
		total += len(entries[i].bytes)
	}
	if total > math.MaxInt32 {
		return fmt.Errorf("vocab has %d bytes of text", total)
	}
	text.Grow(total)
	t.ends = make([]int32, len(entries))
	for i, e := range entries {
		if e.rank != int64(i) {
			return fmt.Errorf("vocab[%d]: rank is %d, want %d", i, e.rank, i)
		}
		if i < 256 && (len(e.bytes) != 1 || e.bytes[0] != byte(i)) {
			return fmt.Errorf("vocab[%d]: token is %q, want the byte %#02x", i, e.bytes, i)
		}
		text.Write(e.bytes)
		t.ends[i] = int32(text.Len())
		t.longest = max(t.longest, len(e.bytes))
	}
	t.bytes = text.String()
	t.ranks = make(map[string]int32, len(entries))
	for i := range entries {
		t.ranks[t.rank(int32(i))] = int32(i)
		if len(t.ranks) != i+1 {
			return fmt.Errorf("vocab[%d]: token %q stands there twice", i, t.rank(int32(i)))
		}
	}
	return nil
}

// rank returns the bytes of an ordinary token.
func (t *Tekken) rank(r int32) string {
	if r == 0 {
		return t.bytes[:t.ends[0]]
	}
	return t.bytes[t.ends[r-1]:t.ends[r]]
}

// VocabSize returns the number of tokens, special ones included: the rows of
// the model's embedding.
func (t *Tekken) VocabSize() int { return int(t.size) }

// IsControl reports whether tok is a special token, which stands for no text.
func (t *Tekken) IsControl(tok Token) bool { return tok >= 0 && tok < t.special }

// Ends reports whether tok ends an answer: </s> and nothing else.
func (t *Tekken) Ends(tok Token) bool { return tok == t.Control.EOS }

func (t *Tekken) bytesOf(tok Token) (string, bool) {
	if tok < t.special || tok >= t.size {
		return "", false
	}
	return t.rank(int32(tok - t.special)), true
}

// Bytes returns the text of an ordinary token, which may be a part of a UTF-8
// sequence; nil for a special token or an id outside the vocabulary.
func (t *Tekken) Bytes(tok Token) []byte { return textBytes(t, tok) }

func textBytes(v vocabulary, tok Token) []byte {
	if text, ok := v.bytesOf(tok); ok {
		return []byte(text)
	}
	return nil
}

// Name returns what to show for a token: the name of a special one ("[INST]"),
// the text of an ordinary one with U+FFFD for bytes that are not UTF-8, "" for
// an id outside the vocabulary. mistral-common calls it id_to_piece.
func (t *Tekken) Name(tok Token) string {
	switch {
	case tok < 0 || tok >= t.size:
		return ""
	case int(tok) < len(t.specials):
		return t.specials[tok]
	case tok < t.special:
		return fillerName(int(tok))
	}
	return toValid(t.rank(int32(tok - t.special)))
}
