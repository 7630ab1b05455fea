package tokenizer

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
)

// A splitter cuts a text into the pieces that BPE never merges across.
type splitter func(text string) []string

// Patterns of pre-tokenizers. Vocabularies name them or carry them.
const (
	// gpt2Pattern is OpenAI's GPT-2 encoder.py; tokenizers' ByteLevel has it built in.
	gpt2Pattern = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	// llama3Pattern is Meta's llama3 tokenizer.py.
	llama3Pattern = contractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	// qwen2Pattern differs from it in that digits stand alone.
	qwen2Pattern = contractions + `|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`

	// contractions are spelled out where the originals ignore case, because
	// engines disagree on ſ, the long s: Oniguruma takes it for an s.
	contractions       = `(?:'[sSſ]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])`
	contractionsNoCase = `(?i:'s|'t|'re|'ve|'m|'ll|'d)`

	digit       = `\p{N}`
	digits      = `\p{N}+`
	threeDigits = `[0-9][0-9][0-9]`
	punctuated  = `[\p{P}\$\+<=>\^~\|]+`
)

// A preTokenizer is what GGUF means by one name of tokenizer.ggml.pre.
type preTokenizer struct {
	names        []string
	patterns     []string // one after the other, each within the pieces of the one before
	ignoreMerges bool     // a piece that is a token is not merged
	addBOS       bool     // unless the file says otherwise
}

// preTokenizers are those of llama.cpp's llama-vocab.cpp for the families that
// are read here. Only "pixtral" is not as it says there, if the vocabulary is
// Tekken's: see tekkenOf.
var preTokenizers = []preTokenizer{
	{names: []string{"", "default"}, patterns: []string{punctuated, gpt2Pattern, digits, threeDigits}},
	{names: []string{"gpt-2", "gpt2", "phi-2", "mpt", "olmo", "jais", "exaone4", "trillion", "granite-docling"},
		patterns: []string{gpt2Pattern}},
	{names: []string{"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"},
		patterns: []string{digit, gpt2Pattern}},
	{names: []string{"llama-bpe", "llama3", "llama-v3", "pixtral", "falcon3", "falcon-h1", "lfm2"},
		patterns: []string{llama3Pattern}, ignoreMerges: true, addBOS: true},
	{names: []string{"dbrx", "smaug-bpe", "chatglm-bpe", "glm4"}, patterns: []string{llama3Pattern}},
	{names: []string{"qwen2", "stablelm2", "deepseek-r1-qwen", "megrez", "hunyuan"}, patterns: []string{qwen2Pattern}},
	{names: []string{"tekken"}, patterns: []string{Pattern}, ignoreMerges: true, addBOS: true},
}

func preTokenizerNamed(name string) (preTokenizer, error) {
	var known []string
	for _, p := range preTokenizers {
		if slices.Contains(p.names, name) {
			return p, nil
		}
		known = append(known, p.names...)
	}
	return preTokenizer{}, fmt.Errorf("pre-tokenizer is %q, which is not known here; known are %s",
		name, strings.Join(known[1:], ", "))
}

// splitters compiles patterns.
func splitters(patterns []string) ([]splitter, error) {
	var all []splitter
	for _, p := range patterns {
		s, err := patternSplitter(p, false)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

const (
	// longestPattern is ten times the longest in use.
	longestPattern = 4096
	// matchTimeout bounds one match: a hostile pattern can backtrack for ever. The
	// patterns in use take microseconds.
	matchTimeout = time.Second
)

// patternSplitter makes a piece of every match, and of what lies between two
// unless that is to be dropped. Tekken's pattern gets its own scanner.
func patternSplitter(pattern string, drop bool) (splitter, error) {
	if pattern == Pattern {
		return tekkenPieces, nil
	}
	if len(pattern) > longestPattern {
		return nil, fmt.Errorf("pattern of %d bytes: too long to be one", len(pattern))
	}
	re, err := regexp2.Compile(strings.ReplaceAll(pattern, contractionsNoCase, contractions), regexp2.None)
	if err != nil {
		return nil, fmt.Errorf("pattern %.80q: %w", pattern, err)
	}
	re.MatchTimeout = matchTimeout
	return func(text string) []string { return matchPieces(re, text, drop) }, nil
}

func tekkenPieces(text string) (pieces []string) {
	for len(text) > 0 {
		n := split(text)
		pieces = append(pieces, text[:n])
		text = text[n:]
	}
	return pieces
}

// matchPieces leaves the rest of the text in one piece if a match takes too long.
func matchPieces(re *regexp2.Regexp, text string, drop bool) (pieces []string) {
	runes := []rune(text)
	end := 0
	between := func(next int) {
		if next > end && !drop {
			pieces = append(pieces, string(runes[end:next]))
		}
	}
	m, err := re.FindRunesMatch(runes)
	for ; m != nil && err == nil; m, err = re.FindNextMatch(m) {
		if m.Length == 0 {
			continue
		}
		between(m.Index)
		end = m.Index + m.Length
		pieces = append(pieces, string(runes[m.Index:end]))
	}
	if err != nil {
		drop = false
	}
	between(len(runes))
	return pieces
}
