package model

import (
	"fmt"
	"os"
	"path/filepath"

	"pixtral-wgpu/model/gguf"
	"pixtral-wgpu/tokenizer"
)

// openVocabulary reads the tokenizer and compares it with the config.
func (c *Checkpoint) openVocabulary(f *found, text *gguf.File) error {
	t, err := f.vocabulary(c.Config, text)
	if err != nil || t == nil {
		return err
	}
	if err := checkTokenizer(c.Config, t); err != nil {
		return fmt.Errorf("vocabulary: %w", err)
	}
	c.Tokenizer = t
	return nil
}

// vocabulary reads tekken.json if it is there, else what the format has:
// tokenizer.json, or the metadata of the GGUF. It is nil where there is none.
func (f *found) vocabulary(c *Config, text *gguf.File) (tokenizer.Tokenizer, error) {
	var image tokenizer.ImageConfig
	if v := c.VisionEncoder; v != nil {
		image = tokenizer.ImageConfig{PatchSize: v.PatchSize, MaxSize: v.ImageSize, SpatialMerge: 1}
	}
	switch {
	case f.tekken != "":
		t, err := tokenizer.Open(f.tekken)
		if err != nil {
			return nil, err // not a nil *Tekken
		}
		return t, nil
	case f.config != "":
		dir := filepath.Dir(f.config)
		if _, err := os.Stat(filepath.Join(dir, hfTokenizerFile)); err == nil {
			return tokenizer.OpenHF(dir, image)
		}
	case text != nil:
		if _, ok := text.Value("tokenizer.ggml.model"); ok {
			return ggufVocabulary(text, image)
		}
	}
	return nil, nil
}

// ggufVocabulary reads the tokenizer in the metadata of a file.
func ggufVocabulary(f *gguf.File, image tokenizer.ImageConfig) (tokenizer.Tokenizer, error) {
	m := f.Fields()
	meta := tokenizer.GGUFMeta{
		Model:        m.String("tokenizer.ggml.model"),
		Pre:          m.String("tokenizer.ggml.pre", ""),
		Tokens:       m.Strings("tokenizer.ggml.tokens", nil),
		Merges:       m.Strings("tokenizer.ggml.merges", nil),
		ChatTemplate: m.String("tokenizer.chat_template", ""),
		Image:        image,
	}
	for _, kind := range m.Ints("tokenizer.ggml.token_type", nil) {
		meta.TokenType = append(meta.TokenType, int32(kind))
	}
	for key, id := range map[string]**uint32{"bos": &meta.BOS, "eos": &meta.EOS, "eot": &meta.EOT} {
		key = "tokenizer.ggml." + key + "_token_id"
		if _, ok := f.Value(key); ok {
			n := uint32(m.Uint(key))
			*id = &n
		}
	}
	if _, ok := f.Value("tokenizer.ggml.add_bos_token"); ok {
		add := m.Bool("tokenizer.ggml.add_bos_token")
		meta.AddBOS = &add
	}
	if m.Err() != nil {
		return nil, m.Err()
	}
	t, err := tokenizer.ParseGGUF(meta)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(f.Name()), err)
	}
	return t, nil
}

// checkTokenizer compares a vocabulary with the model's sizes.
func checkTokenizer(c *Config, any tokenizer.Tokenizer) error {
	t, ok := any.(*tokenizer.Tekken)
	if !ok {
		// Models pad their tables, so tokens may be fewer than rows.
		if any.VocabSize() > c.VocabSize {
			return fmt.Errorf("%d tokens, but the model's vocabulary has %d", any.VocabSize(), c.VocabSize)
		}
		return nil
	}
	if t.VocabSize() != c.VocabSize {
		return fmt.Errorf("%d tokens, but the model's vocabulary has %d", t.VocabSize(), c.VocabSize)
	}
	v := c.VisionEncoder
	if v == nil {
		return nil
	}
	if int32(t.Control.Image) != v.ImageTokenID || int32(t.Control.ImageBreak) != v.ImageBreakTokenID || int32(t.Control.ImageEnd) != v.ImageEndTokenID {
		return fmt.Errorf("[IMG], [IMG_BREAK] and [IMG_END] are %d, %d and %d, but the model's are %d, %d and %d",
			t.Control.Image, t.Control.ImageBreak, t.Control.ImageEnd, v.ImageTokenID, v.ImageBreakTokenID, v.ImageEndTokenID)
	}
	if t.Image.PatchSize != v.PatchSize || t.Image.MaxSize > v.ImageSize {
		return fmt.Errorf("images of %d pixels in patches of %d, but the model takes %d in patches of %d",
			t.Image.MaxSize, t.Image.PatchSize, v.ImageSize, v.PatchSize)
	}
	return nil
}
