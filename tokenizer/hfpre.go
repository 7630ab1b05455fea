package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/dlclark/regexp2"
)

// maxSequence bounds sequences within sequences; files in use have one.
const maxSequence = 4

var errDeep = errors.New("sequences are nested too deep")

// isNFC reads a normalizer: none or NFC.
func isNFC(raw json.RawMessage, depth int) (bool, error) {
	var n struct {
		Type        string            `json:"type"`
		Normalizers []json.RawMessage `json:"normalizers"`
	}
	if err := json.Unmarshal(orNull(raw), &n); err != nil {
		return false, err
	}
	if depth > maxSequence {
		return false, errDeep
	}
	switch n.Type {
	case "":
		return false, nil
	case "NFC":
		return true, nil
	case "Sequence":
		nfc := false
		for _, inner := range n.Normalizers {
			is, err := isNFC(inner, depth+1)
			if err != nil {
				return false, err
			}
			nfc = nfc || is
		}
		return nfc, nil
	}
	return false, fmt.Errorf("type is %q; none and NFC can be read", n.Type)
}

// hfPre is one pre-tokenizer.
type hfPre struct {
	Type          string            `json:"type"`
	PreTokenizers []json.RawMessage `json:"pretokenizers"`     // of Sequence
	AddPrefix     bool              `json:"add_prefix_space"`  // of ByteLevel
	UseRegex      *bool             `json:"use_regex"`         // likewise; true if missing
	Individual    bool              `json:"individual_digits"` // of Digits
	Behavior      string            `json:"behavior"`          // of Split
	Invert        bool              `json:"invert"`            // likewise
	Pattern       struct {
		Regex  *string
		String *string
	} `json:"pattern"`
}

// preSplitters reads the pre-tokenizers, one of which must be ByteLevel.
func preSplitters(raw json.RawMessage) ([]splitter, error) {
	var list preList
	if err := list.read(raw, 0); err != nil {
		return nil, err
	}
	if !list.byteLevel {
		return nil, errors.New("there is no ByteLevel; only byte-level BPE can be read")
	}
	return list.splitters, nil
}

type preList struct {
	splitters []splitter
	byteLevel bool
}

func (l *preList) read(raw json.RawMessage, depth int) error {
	var p hfPre
	if err := json.Unmarshal(orNull(raw), &p); err != nil {
		return err
	}
	if depth > maxSequence || len(l.splitters) > 16 {
		return errDeep
	}
	switch p.Type {
	case "":
		return nil
	case "Sequence":
		for i, inner := range p.PreTokenizers {
			if err := l.read(inner, depth+1); err != nil {
				return fmt.Errorf("pretokenizers[%d]: %w", i, err)
			}
		}
		return nil
	case "ByteLevel":
		return l.addByteLevel(&p)
	case "Digits":
		if p.Individual {
			return l.add(digit, false)
		}
		return l.add(digits, false)
	case "Split":
		return l.addSplit(&p)
	}
	return fmt.Errorf("type is %q; ByteLevel, Split, Digits and Sequence can be read", p.Type)
}

func (l *preList) add(pattern string, drop bool) error {
	s, err := patternSplitter(pattern, drop)
	l.splitters = append(l.splitters, s)
	return err
}

func (l *preList) addByteLevel(p *hfPre) error {
	if l.byteLevel {
		return errors.New("a second ByteLevel")
	}
	l.byteLevel = true
	if p.AddPrefix {
		l.splitters = append(l.splitters, func(text string) []string {
			if strings.HasPrefix(text, " ") {
				return []string{text}
			}
			return []string{" " + text}
		})
	}
	if p.UseRegex == nil || *p.UseRegex {
		return l.add(gpt2Pattern, false)
	}
	return nil
}

// addSplit reads a Split whose pieces are the matches. What lies between them
// is a piece too, or is removed.
func (l *preList) addSplit(p *hfPre) error {
	if l.byteLevel {
		return errors.New("a Split after ByteLevel is not supported")
	}
	var pattern string
	switch {
	case p.Pattern.Regex != nil:
		pattern = *p.Pattern.Regex
	case p.Pattern.String != nil:
		pattern = regexp2.Escape(*p.Pattern.String)
	default:
		return errors.New("a Split without a pattern")
	}
	switch {
	case p.Behavior == "Isolated":
		return l.add(pattern, false)
	case p.Behavior == "Removed" && p.Invert:
		return l.add(pattern, true)
	}
	return fmt.Errorf("a Split with behavior %q and invert %v is not supported; Isolated is, and Removed inverted", p.Behavior, p.Invert)
}

// firstSpecial returns the special token that a post-processor puts before a
// text, "" if none. What it puts after a text would end it, and is not for a
// prompt.
func firstSpecial(raw json.RawMessage, depth int) (string, error) {
	var p struct {
		Type       string            `json:"type"`
		Processors []json.RawMessage `json:"processors"`
		Single     []struct {
			SpecialToken *struct {
				ID string `json:"id"`
			}
		} `json:"single"`
	}
	if err := json.Unmarshal(orNull(raw), &p); err != nil {
		return "", err
	}
	if depth > maxSequence {
		return "", errDeep
	}
	switch p.Type {
	case "Sequence":
		for _, inner := range p.Processors {
			if first, err := firstSpecial(inner, depth+1); err != nil || first != "" {
				return first, err
			}
		}
	case "TemplateProcessing":
		if len(p.Single) > 0 && p.Single[0].SpecialToken != nil {
			return p.Single[0].SpecialToken.ID, nil
		}
	}
	return "", nil
}
