package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
)

// rows puts the tokens of model.vocab and added_tokens at their ids.
func (f *hfFile) rows() ([]row, error) {
	m := &f.Model
	switch {
	case m.Type != "BPE" && m.Type != "":
		return nil, fmt.Errorf("model.type is %q; only byte-level BPE can be read", m.Type)
	case m.ByteFallback:
		return nil, errors.New("model.byte_fallback is set: a SentencePiece vocabulary; only byte-level BPE can be read")
	case m.Prefix != "" || m.Suffix != "":
		return nil, errors.New("model has a subword prefix or a word suffix; only byte-level BPE can be read")
	case len(m.Vocab) == 0:
		return nil, errors.New("model.vocab is missing or empty")
	}
	count := len(m.Vocab) + len(f.AddedTokens)
	if count > maxRows {
		return nil, fmt.Errorf("%d tokens", count)
	}
	// Ids may leave gaps, but not so wide that they are a mistake.
	rows := make([]row, 0, count)
	place := func(id int64, r row) error {
		if id < 0 || id > 2*int64(count)+1024 {
			return fmt.Errorf("token %.80q has id %d, but there are %d tokens", r.text, id, count)
		}
		for int64(len(rows)) <= id {
			rows = append(rows, row{})
		}
		if rows[id].kind != unused && rows[id].text != r.text {
			return fmt.Errorf("tokens %.80q and %.80q have the same id, %d", rows[id].text, r.text, id)
		}
		rows[id] = r
		return nil
	}
	for text, id := range m.Vocab {
		if err := place(id, row{text, ordinary}); err != nil {
			return nil, fmt.Errorf("model.vocab: %w", err)
		}
	}
	for i, a := range f.AddedTokens {
		if id, ok := m.Vocab[a.Content]; ok && id != a.ID {
			return nil, fmt.Errorf("added_tokens[%d]: %.80q has id %d, but in model.vocab %d", i, a.Content, a.ID, id)
		}
		kind, err := a.kind()
		if err == nil {
			err = place(a.ID, row{a.Content, kind})
		}
		if err != nil {
			return nil, fmt.Errorf("added_tokens[%d]: %w", i, err)
		}
	}
	return rows, nil
}

// kind refuses what makes finding a token in a text more than finding it. A
// special token is never looked for.
func (a *hfAdded) kind() (kind, error) {
	switch {
	case a.Special:
		return control, nil
	case a.SingleWord || a.LStrip || a.RStrip:
		return unused, fmt.Errorf("%.80q is to match single words or to strip spaces, which is not supported", a.Content)
	case a.Normalized:
		return literalAfter, nil
	}
	return literal, nil
}

// finish reads what only a vocabulary that is not Tekken's needs.
func (f *hfFile) finish(s *source) (err error) {
	s.ignoreMerges = f.Model.IgnoreMerges
	s.merges = make([][2]string, len(f.Model.Merges))
	for i, m := range f.Model.Merges {
		s.merges[i] = m
	}
	if s.nfc, err = isNFC(f.Normalizer, 0); err != nil {
		return fmt.Errorf("normalizer: %w", err)
	}
	if s.pre, err = preSplitters(f.PreTokenizer); err != nil {
		return fmt.Errorf("pre_tokenizer: %w", err)
	}
	if f.Model.Unknown == nil || *f.Model.Unknown == "" {
		return nil
	}
	for b, spelling := range byteSpelling {
		if _, ok := f.Model.Vocab[string(spelling)]; !ok {
			return fmt.Errorf("byte %#02x is no token, and model.unk_token is to stand for it, which is not supported", b)
		}
	}
	return nil
}

// hfConfig is a tokenizer_config.json, or the template in a chat_template.json.
type hfConfig struct {
	BOS          hfName     `json:"bos_token"`
	EOS          hfName     `json:"eos_token"`
	AddBOS       *bool      `json:"add_bos_token"`
	ChatTemplate hfTemplate `json:"chat_template"`
}

// hfName is the name of a special token: "</s>", {"content": "</s>", …} or null.
type hfName string

func (n *hfName) UnmarshalJSON(data []byte) error {
	var name string
	if json.Unmarshal(data, &name) == nil {
		*n = hfName(name)
		return nil
	}
	var o struct {
		Content string `json:"content"`
	}
	if err := json.Unmarshal(data, &o); err != nil {
		return err
	}
	*n = hfName(o.Content)
	return nil
}

// hfTemplate is a template, or a list of them by name of which "default" counts.
type hfTemplate string

func (t *hfTemplate) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*t = hfTemplate(text)
		return nil
	}
	var list []struct{ Name, Template string }
	if err := json.Unmarshal(data, &list); err != nil {
		return fmt.Errorf("chat_template is neither text nor a list of templates: %w", err)
	}
	for _, l := range list {
		if l.Name == "default" {
			*t = hfTemplate(l.Template)
		}
	}
	return nil
}

// specials sets BOS and EOS, and whether a prompt begins with BOS: as the
// post-processor has it, or if there is none as the config has it.
func (c *hfConfig) specials(s *source, f *hfFile) error {
	first, err := firstSpecial(f.PostProcessor, 0)
	if err != nil {
		return fmt.Errorf("tokenizer.json: post_processor: %w", err)
	}
	if s.addBOS = first != "" || c.AddBOS != nil && *c.AddBOS; first == "" {
		first = string(c.BOS)
	}
	if s.bos, err = s.special(first); err != nil {
		return fmt.Errorf("BOS: %w", err)
	}
	if s.eos, err = s.special(string(c.EOS)); err != nil {
		return fmt.Errorf("tokenizer_config.json: eos_token: %w", err)
	}
	return nil
}

// special returns the token of that name and makes it a special one, so that no
// text may spell it; noToken for "".
func (s *source) special(name string) (Token, error) {
	if name == "" {
		return noToken, nil
	}
	for i, r := range s.rows {
		if r.text == name && r.kind != unused {
			s.rows[i].kind = control
			return Token(i), nil
		}
	}
	return noToken, fmt.Errorf("%.80q is not in the vocabulary", name)
}
