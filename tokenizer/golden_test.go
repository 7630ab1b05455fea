package tokenizer

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// golden is what mistral-common made of texts, tokens and conversations;
// testdata/make_golden.py recorded it.
type golden struct {
	Texts []struct {
		Text string
		IDs  []Token
	}
	Decodings []struct {
		IDs          []Token
		Ignore, Keep string
	}
	Chats []struct {
		Name, Mode string
		Request    json.RawMessage
		Grids      [][2]int
		IDs        []Token
		Error      *struct {
			Kind    Kind
			Message string
		}
	}
	FIM []struct {
		Prompt, Suffix string
		IDs            []Token
	}
}

// TestGolden replays the goldens on both vocabularies.
func TestGolden(t *testing.T) {
	t.Run("cut", func(t *testing.T) { replay(t, cutTekken(t), "golden_cut.json") })
	t.Run("full", func(t *testing.T) {
		replay(t, fullTekken(t), "golden_full.json")
	})
}

func replay(t *testing.T, k *Tekken, name string) {
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Texts) < 200 || len(g.Chats) < 100 || len(g.Decodings) == 0 || len(g.FIM) == 0 {
		t.Fatalf("%s holds %d texts and %d chats", name, len(g.Texts), len(g.Chats))
	}
	for _, c := range g.Texts {
		if got := k.Encode(c.Text); !slices.Equal(got, c.IDs) {
			t.Errorf("Encode(%q) = %v, want %v", c.Text, got, c.IDs)
		}
	}
	for _, c := range g.FIM {
		if got := k.EncodeFIM(c.Prompt, c.Suffix); !slices.Equal(got, c.IDs) {
			t.Errorf("EncodeFIM(%q, %q) = %v, want %v", c.Prompt, c.Suffix, got, c.IDs)
		}
	}
	g.replayDecodings(t, k)
	g.replayChats(t, k)
}

func (g *golden) replayDecodings(t *testing.T, k *Tekken) {
	for _, c := range g.Decodings {
		for policy, want := range map[SpecialPolicy]string{IgnoreSpecial: c.Ignore, KeepSpecial: c.Keep} {
			if got, err := k.Decode(c.IDs, policy); err != nil || got != want {
				t.Errorf("Decode(%v, %d) = %q, %v, want %q", c.IDs, policy, got, err, want)
			}
		}
	}
}

func (g *golden) replayChats(t *testing.T, k *Tekken) {
	modes := map[string]Mode{"serving": Serving, "test": Test}
	for _, c := range g.Chats {
		chat, err := ParseChat(c.Request)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		chat.Mode = modes[c.Mode]
		var grids []Grid
		for _, g := range c.Grids {
			grids = append(grids, Grid{Cols: g[0], Rows: g[1]})
		}
		got, err := k.EncodeChat(chat, grids)
		if c.Error == nil {
			if err != nil || !slices.Equal(got, c.IDs) {
				t.Errorf("%s: %v, %v\n%q\nwant %v\n%q", c.Name, err, got, k.show(got), c.IDs, k.show(c.IDs))
			}
			continue
		}
		var invalid *ValidationError
		if !errors.As(err, &invalid) || invalid.Kind != c.Error.Kind || invalid.Message != c.Error.Message {
			t.Errorf("%s:\n got %v\nwant %s (%s)", c.Name, err, c.Error.Message, c.Error.Kind)
		}
	}
}

func (k *Tekken) show(ids []Token) string {
	text, _ := k.Decode(ids, KeepSpecial)
	return text
}
