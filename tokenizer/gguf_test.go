package tokenizer

import (
	"slices"
	"strings"
	"testing"
)

// tinyGGUF is tinyHF as a GGUF has it.
func tinyGGUF(change func(*GGUFMeta)) GGUFMeta {
	meta := GGUFMeta{Model: "gpt2", Pre: "gpt-2", Merges: []string{"h e", "he x"}}
	put := func(kind int32, texts ...string) {
		for _, text := range texts {
			meta.Tokens = append(meta.Tokens, text)
			meta.TokenType = append(meta.TokenType, kind)
		}
	}
	for _, spelling := range byteSpelling {
		put(ggufNormal, string(spelling))
	}
	put(ggufNormal, "he", "hex")
	put(ggufControl, "<s>", "</s>")
	put(ggufUserDefined, "<sep>")
	put(ggufUnused, "[PAD261]")
	if change != nil {
		change(&meta)
	}
	return meta
}

func id(n uint32) *uint32 { return &n }

func TestParseGGUF(t *testing.T) {
	yes, no := true, false
	for name, c := range map[string]struct {
		change func(*GGUFMeta)
		text   string
		want   []Token // of EncodePrompt
		ends   []Token
	}{
		"as it is":       {nil, "hexe<sep><s>", []Token{257, 'e', 260, '<', 's', '>'}, []Token{259}},
		"BOS wanted":     {func(m *GGUFMeta) { m.BOS, m.AddBOS = id(258), &yes }, "he", []Token{258, 256}, []Token{259}},
		"BOS of the pre": {func(m *GGUFMeta) { m.BOS, m.Pre = id(258), "llama-bpe" }, "he", []Token{258, 256}, []Token{259}},
		"BOS refused":    {func(m *GGUFMeta) { m.BOS, m.Pre, m.AddBOS = id(258), "llama-bpe", &no }, "he", []Token{256}, []Token{259}},
		"BOS of none":    {func(m *GGUFMeta) { m.AddBOS = &yes }, "he", []Token{256}, []Token{259}},
		"own ends":       {func(m *GGUFMeta) { m.EOS, m.EOT = id(258), id(257) }, "hex", []Token{256, 'x'}, []Token{257, 258, 259}},
		"no types":       {func(m *GGUFMeta) { m.TokenType = nil }, "<s></s>", []Token{'<', 's', '>', '<', '/', 's', '>'}, []Token{259}},
		// llama.cpp's default takes punctuation first, then numbers by threes.
		"default": {func(m *GGUFMeta) { m.Pre = "" }, "he1234-", []Token{256, '1', '2', '3', '4', '-'}, []Token{259}},
		"tekken":  {func(m *GGUFMeta) { m.Pre = "tekken" }, "hEhe", []Token{'h', 'E', 256}, []Token{259}},
	} {
		k, err := ParseGGUF(tinyGGUF(c.change))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := k.EncodePrompt(c.text); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		for tok := range Token(k.VocabSize()) {
			if k.Ends(tok) != slices.Contains(c.ends, tok) {
				t.Errorf("%s: Ends(%d) is %v", name, tok, k.Ends(tok))
			}
		}
	}
}

func TestParseGGUFRefuses(t *testing.T) {
	for _, c := range []struct {
		change func(*GGUFMeta)
		want   string
	}{
		{func(m *GGUFMeta) { m.Model = "llama" }, `tokenizer.ggml.model is "llama"`},
		{func(m *GGUFMeta) { m.Tokens = nil }, "tokenizer.ggml.tokens has 0"},
		{func(m *GGUFMeta) { m.TokenType = m.TokenType[1:] }, "token_type has 261, but there are 262 tokens"},
		{func(m *GGUFMeta) { m.Pre = "unheard-of" }, `"unheard-of", which is not known here; known are default, gpt-2`},
		{func(m *GGUFMeta) { m.Merges = nil }, "tokenizer.ggml.merges is missing"},
		{func(m *GGUFMeta) { m.Merges[1] = "hex" }, "merges[1] is \"hex\", want two tokens"},
		{func(m *GGUFMeta) { m.Merges[1] = "he y" }, `merges[1]: "hey" is not in the vocabulary`},
		{func(m *GGUFMeta) { m.BOS = id(262) }, "bos_token_id is 262, but there are 262 tokens"},
		{func(m *GGUFMeta) { m.EOS = id(1 << 31) }, "eos_token_id is 2147483648"},
		{func(m *GGUFMeta) { m.EOT = id(1<<32 - 1) }, "eot_token_id is 4294967295"},
		{func(m *GGUFMeta) { m.Tokens[257] = "he" }, `token 257: "he" is empty or stands there twice`},
		{func(m *GGUFMeta) { m.Tokens[257] = "" }, "token 257: \"\" is empty"},
		{func(m *GGUFMeta) { m.Tokens[259] = "<s>" }, "token 259: special token \"<s>\" has no name or stands there twice"},
		{func(m *GGUFMeta) { clear(m.TokenType) }, "no ordinary tokens"},
	} {
		_, err := ParseGGUF(tinyGGUF(c.change))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "tokenizer: gguf: ") {
			t.Errorf("%v, want an error with %q", err, c.want)
		}
	}
}

// TestTekkenBut refuses what is Tekken's but for something, instead of reading
// it with a pattern that may be wrong.
func TestTekkenBut(t *testing.T) {
	cut := cutTekken(t)
	whole := func() GGUFMeta { return GGUFMeta{Model: "gpt2", Pre: "pixtral", Tokens: spelled(cut)} }
	for _, c := range []struct {
		change func(*GGUFMeta)
		want   string
	}{
		{func(m *GGUFMeta) { m.Tokens = append(m.Tokens, "<a b>") }, `token 4032, "<a b>", is not an ordinary one`},
		{func(m *GGUFMeta) { m.Tokens = append(m.Tokens, "") }, `token 4032, "", is not an ordinary one`},
		{func(m *GGUFMeta) { m.Tokens[500] = m.Tokens[501] }, "stands there twice"},
		{func(m *GGUFMeta) { m.Tokens[20] = "<s>" }, "is empty or stands there twice"},
	} {
		meta := whole()
		c.change(&meta)
		_, err := ParseGGUF(meta)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "tekken.json") {
			t.Errorf("%v, want an error with %q", err, c.want)
		}
	}
	// Newer models of Mistral's have the vocabulary, but other conversations.
	meta := whole()
	meta.ChatTemplate = "[INST] [SYSTEM_PROMPT]"
	k := must(t)(ParseGGUF(meta))
	ask := &Chat{Model: "m", Messages: []Message{UserMessage(Text("a"))}}
	if got, err := k.EncodeChat(ask, nil); err == nil || !strings.Contains(err.Error(), "plain completion") {
		t.Errorf("%v, %v", got, err)
	}
	if !k.Ends(2) || k.Ends(1) || k.Ends(1032) {
		t.Error("an answer ends with other tokens than </s>")
	}
	if got := k.EncodePrompt("a"); !slices.Equal(got, []Token{1, 32 + 'a'}) {
		t.Errorf("plain prompt is %v", got)
	}
}

// FuzzParseGGUF builds metadata out of hostile strings.
func FuzzParseGGUF(f *testing.F) {
	f.Add("gpt-2", "Ā|ā|h|e|he|<s>", "h e", []byte{1, 1, 1, 1, 1, 3}, uint32(5), "<|im_start|>", "he he")
	f.Add("llama-bpe", "a|b|ab|<|eot_id|>|<|start_header_id|>|<|end_header_id|>", "a b|b a", []byte{}, uint32(9), "<|eot_id|>", "abab")
	f.Add("", "Ġ|a|a a", "Ġ a|a", []byte{1, 4, 2}, uint32(0), "", " a a")
	f.Fuzz(func(t *testing.T, pre, tokens, merges string, types []byte, bos uint32, jinja, text string) {
		meta := GGUFMeta{Model: "gpt2", Pre: pre, ChatTemplate: jinja, BOS: &bos, EOS: &bos}
		for i, tok := range strings.Split(tokens, "|") {
			meta.Tokens = append(meta.Tokens, tok)
			if len(types) > 0 {
				meta.TokenType = append(meta.TokenType, int32(types[i%len(types)]))
			}
		}
		meta.Merges = strings.Split(merges, "|")
		k, err := ParseGGUF(meta)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "tokenizer: gguf: ") {
				t.Errorf("error without its package: %v", err)
			}
			return
		}
		exercise(t, k, text)
	})
}
