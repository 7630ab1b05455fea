package tokenizer

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// bpeGolden is what Hugging Face's tokenizers made of texts and conversations;
// testdata/make_bpe_golden.py recorded it.
type bpeGolden struct {
	Texts []string
	IDs   map[string][][]Token // by vocabulary
	Chats []struct {
		Vocabulary, Template string
		Messages             [][2]string // role, content
		IDs                  []Token
	}
}

var bpeGoldenOnce = sync.OnceValues(func() (g bpeGolden, err error) {
	data, err := unzipped("golden_bpe.json.gz")
	if err == nil {
		err = json.Unmarshal(data, &g)
	}
	return g, err
})

func goldenBPE(t testing.TB) bpeGolden {
	t.Helper()
	g, err := bpeGoldenOnce()
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Texts) < 500 || len(g.Chats) < 30 {
		t.Fatalf("golden_bpe.json.gz holds %d texts and %d chats", len(g.Texts), len(g.Chats))
	}
	return g
}

// unzipped returns the contents of a file of testdata.
func unzipped(name string) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil || !strings.HasSuffix(name, ".gz") {
		return data, err
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	data, err := unzipped(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// must returns a vocabulary that has to be one.
func must(t testing.TB) func(Tokenizer, error) Tokenizer {
	return func(k Tokenizer, err error) Tokenizer {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
}

// compare encodes every text and decodes it again.
func (g *bpeGolden) compare(t *testing.T, vocabulary string, k Tokenizer) {
	t.Helper()
	want := g.IDs[vocabulary]
	wrong := 0
	for i, text := range g.Texts {
		if got := k.Encode(text); !slices.Equal(got, want[i]) {
			t.Errorf("Encode(%q) = %v, want %v", text, got, want[i])
			if wrong++; wrong > 9 {
				t.Fatal("and more")
			}
		}
	}
}

func TestHFGolden(t *testing.T) {
	g := goldenBPE(t)
	for _, name := range []string{"gpt2", "llama3", "smollm", "nfc"} {
		t.Run(name, func(t *testing.T) {
			k := must(t)(ParseHF(HFFiles{Tokenizer: testdata(t, "hf_"+name+".json")}))
			g.compare(t, name, k)
			if name == "nfc" { // which does not give back what it was given
				return
			}
			for _, text := range g.Texts {
				if got, err := k.Decode(k.Encode(text), RaiseSpecial); err != nil || got != text {
					t.Errorf("%q came back as %q, %v", text, got, err)
				}
			}
		})
	}
}

// TestGGUFGolden reads the same vocabularies as a GGUF has them.
func TestGGUFGolden(t *testing.T) {
	g := goldenBPE(t)
	for name, pre := range map[string]string{"gpt2": "gpt-2", "llama3": "llama-bpe", "smollm": "smollm"} {
		t.Run(name, func(t *testing.T) {
			meta := asGGUF(t, testdata(t, "hf_"+name+".json"))
			meta.Pre = pre
			g.compare(t, name, must(t)(ParseGGUF(meta)))
		})
	}
	for _, pre := range []string{"default", "qwen2"} {
		t.Run("gpt2 with "+pre, func(t *testing.T) {
			meta := asGGUF(t, testdata(t, "hf_gpt2.json"))
			meta.Pre = pre
			g.compare(t, "gpt2 with "+pre, must(t)(ParseGGUF(meta)))
		})
	}
	t.Run("smollm2", func(t *testing.T) { g.compare(t, "smollm2", must(t)(ParseGGUF(smolLM2(t)))) })
}

// asGGUF returns the vocabulary of a tokenizer.json as gguf's converters write it.
func asGGUF(t testing.TB, data []byte) GGUFMeta {
	t.Helper()
	var f hfFile
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	meta := GGUFMeta{Model: "gpt2", Tokens: make([]string, len(f.Model.Vocab)), TokenType: make([]int32, len(f.Model.Vocab))}
	for text, id := range f.Model.Vocab {
		meta.Tokens[id], meta.TokenType[id] = text, ggufNormal
	}
	for _, a := range f.AddedTokens {
		meta.TokenType[a.ID] = ggufControl
	}
	for _, m := range f.Model.Merges {
		meta.Merges = append(meta.Merges, m[0]+" "+m[1])
	}
	return meta
}

// smolLM2 is of the real vocabulary what the texts need; the other tokens are
// left unused.
func smolLM2(t testing.TB) GGUFMeta {
	t.Helper()
	var part struct {
		Size         int
		Rows         [][3]any // id, text, type
		Merges       []string
		Pre          string
		BOS, EOS     uint32
		AddBOS       bool   `json:"add_bos"`
		ChatTemplate string `json:"chat_template"`
	}
	if err := json.Unmarshal(testdata(t, "smollm2.json.gz"), &part); err != nil {
		t.Fatal(err)
	}
	meta := GGUFMeta{
		Model: "gpt2", Pre: part.Pre, Tokens: make([]string, part.Size), TokenType: make([]int32, part.Size),
		Merges: part.Merges, BOS: &part.BOS, EOS: &part.EOS, AddBOS: &part.AddBOS, ChatTemplate: part.ChatTemplate,
	}
	for _, row := range part.Rows {
		id := int(row[0].(float64))
		meta.Tokens[id], meta.TokenType[id] = row[1].(string), int32(row[2].(float64))
	}
	return meta
}

// TestChatTemplates compares conversations with those of the templates
// themselves. Some of their texts spell special tokens.
func TestChatTemplates(t *testing.T) {
	for i, c := range goldenBPE(t).Chats {
		var k Tokenizer
		if c.Vocabulary == "smollm2" {
			k = must(t)(ParseGGUF(smolLM2(t)))
		} else {
			k = must(t)(ParseHF(HFFiles{Tokenizer: testdata(t, "hf_"+c.Vocabulary+".json"), ChatTemplate: c.Template}))
		}
		chat := &Chat{Model: "m"}
		for _, m := range c.Messages {
			chat.Messages = append(chat.Messages, Message{Role: Role(m[0]), Parts: oneText(m[1])})
		}
		got, err := k.EncodeChat(chat, nil)
		if err != nil || !slices.Equal(got, c.IDs) {
			a, _ := k.Decode(got, KeepSpecial)
			b, _ := k.Decode(c.IDs, KeepSpecial)
			t.Errorf("chat %d with %s: %v\n got %v %q\nwant %v %q", i, c.Vocabulary, err, got, a, c.IDs, b)
		}
	}
}

// TestTekkenOf reads Tekken in other spellings, with the wrong pattern, and
// wants all that mistral-common gives.
func TestTekkenOf(t *testing.T) {
	cut := cutTekken(t)
	hf := testdata(t, "hf_tekken_cut.json.gz")
	t.Run("hf", func(t *testing.T) {
		k := must(t)(ParseHF(HFFiles{Tokenizer: hf, Image: cut.Image}))
		replay(t, k.(*Tekken), "golden_cut.json")
	})
	for _, pre := range []string{"tekken", "pixtral", ""} {
		t.Run("gguf "+pre, func(t *testing.T) {
			meta := asGGUF(t, hf)
			meta.Pre, meta.Image = pre, cut.Image
			replay(t, must(t)(ParseGGUF(meta)).(*Tekken), "golden_cut.json")
		})
	}
	t.Run("full", func(t *testing.T) {
		full := fullTekken(t)
		meta := GGUFMeta{Model: "gpt2", Pre: "pixtral", Tokens: spelled(full), Image: full.Image}
		replay(t, must(t)(ParseGGUF(meta)).(*Tekken), "golden_full.json")
	})
}

// spelled returns the tokens of a vocabulary as GPT-2 spells them.
func spelled(k *Tekken) (tokens []string) {
	for id := range k.size {
		var text strings.Builder
		for _, b := range k.Bytes(id) {
			text.WriteRune(byteSpelling[b])
		}
		if k.IsControl(id) {
			text.WriteString(k.Name(id))
		}
		tokens = append(tokens, text.String())
	}
	return tokens
}

// TestBPEShared encodes from several goroutines, for the race detector.
func TestBPEShared(t *testing.T) {
	g := goldenBPE(t)
	k := must(t)(ParseHF(HFFiles{Tokenizer: testdata(t, "hf_llama3.json")}))
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for i, text := range g.Texts[:200] {
				if got := k.Encode(text); !slices.Equal(got, g.IDs["llama3"][i]) {
					t.Errorf("Encode(%q) = %v", text, got)
				}
			}
		})
	}
	wait.Wait()
}
