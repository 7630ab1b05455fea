package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// HFFiles are the files of a vocabulary as Hugging Face's libraries write them.
type HFFiles struct {
	Tokenizer    []byte // tokenizer.json
	Config       []byte // tokenizer_config.json; nil if there is none
	ChatTemplate string // chat_template.jinja, where it is a file of its own; "" if not

	// Image says how images become tokens, which these files do not; zero if the
	// model takes none. Only a *Tekken has use for it.
	Image ImageConfig
}

// OpenHF reads tokenizer.json, and what there is of tokenizer_config.json,
// chat_template.jinja and chat_template.json, in dir.
func OpenHF(dir string, image ImageConfig) (Tokenizer, error) {
	files := HFFiles{Image: image}
	var err error
	if files.Tokenizer, err = readBounded(filepath.Join(dir, "tokenizer.json")); err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	var jinja, wrapped []byte
	for _, f := range []struct {
		to   *[]byte
		name string
	}{{&files.Config, "tokenizer_config.json"}, {&jinja, "chat_template.jinja"}, {&wrapped, "chat_template.json"}} {
		if *f.to, err = readBounded(filepath.Join(dir, f.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("tokenizer: %w", err)
		}
	}
	if files.ChatTemplate = string(jinja); jinja == nil && wrapped != nil {
		var c hfConfig
		if err := json.Unmarshal(wrapped, &c); err != nil {
			return nil, fmt.Errorf("tokenizer: %s: %w", filepath.Join(dir, "chat_template.json"), err)
		}
		files.ChatTemplate = string(c.ChatTemplate)
	}
	t, err := files.parse()
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", dir, err)
	}
	return t, nil
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s: %w", path, errTooLarge)
	}
	return os.ReadFile(path)
}

// ParseHF returns the vocabulary of a tokenizer.json: a *Tekken if it is
// Tekken's, else a *BPE. Vocabularies that are not byte-level BPE are refused.
// Follows Hugging Face's tokenizers 0.23.
func ParseHF(files HFFiles) (Tokenizer, error) {
	t, err := files.parse()
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %w", err)
	}
	return t, nil
}

// hfFile is a tokenizer.json.
type hfFile struct {
	AddedTokens   []hfAdded       `json:"added_tokens"`
	Normalizer    json.RawMessage `json:"normalizer"`
	PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
	PostProcessor json.RawMessage `json:"post_processor"`
	Model         struct {
		Type         string           `json:"type"`
		Unknown      *string          `json:"unk_token"`
		Prefix       string           `json:"continuing_subword_prefix"`
		Suffix       string           `json:"end_of_word_suffix"`
		ByteFallback bool             `json:"byte_fallback"`
		IgnoreMerges bool             `json:"ignore_merges"`
		Vocab        map[string]int64 `json:"vocab"`
		Merges       []hfMerge        `json:"merges"`
	} `json:"model"`
}

type hfAdded struct {
	ID         int64  `json:"id"`
	Content    string `json:"content"`
	Special    bool   `json:"special"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
}

// hfMerge is "left right", or since tokenizers 0.20 ["left", "right"].
type hfMerge [2]string

func (m *hfMerge) UnmarshalJSON(data []byte) error {
	if data[0] != '"' {
		var list []string
		if err := json.Unmarshal(data, &list); err != nil || len(list) != 2 {
			return fmt.Errorf("merge is %.80s, want two tokens", data)
		}
		*m = hfMerge(list)
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	left, right, ok := strings.Cut(text, " ")
	if !ok {
		return fmt.Errorf("merge is %.80q, want two tokens", text)
	}
	*m = hfMerge{left, right}
	return nil
}

func (h *HFFiles) parse() (Tokenizer, error) {
	if len(h.Tokenizer) > maxFile {
		return nil, errTooLarge
	}
	var f hfFile
	if err := json.Unmarshal(h.Tokenizer, &f); err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	var c hfConfig
	if h.Config != nil {
		if err := json.Unmarshal(h.Config, &c); err != nil {
			return nil, fmt.Errorf("tokenizer_config.json: %w", err)
		}
	}
	s := &source{template: string(c.ChatTemplate), image: h.Image}
	if h.ChatTemplate != "" {
		s.template = h.ChatTemplate
	}
	var err error
	if s.rows, err = f.rows(); err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	if err := c.specials(s, &f); err != nil {
		return nil, err
	}
	t, err := s.vocabulary(func() error { return f.finish(s) })
	if err != nil {
		return nil, fmt.Errorf("tokenizer.json: %w", err)
	}
	return t, nil
}
