package tokenizer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// tinyHF returns the smallest tokenizer.json that is one, "he" and "hex"
// besides the bytes, after change has been at it.
func tinyHF(change func(file fields)) []byte {
	vocab := fields{"he": 256, "hex": 257}
	for b, spelling := range byteSpelling {
		vocab[string(spelling)] = b
	}
	file := fields{
		"added_tokens": []any{
			added(258, "<s>", true), added(259, "</s>", true), added(260, "<sep>", false), added(261, "<sep><sep>", false),
		},
		"pre_tokenizer": fields{"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
		"model":         fields{"type": "BPE", "vocab": vocab, "merges": []any{"h e", []any{"he", "x"}}},
	}
	if change != nil {
		change(file)
	}
	data, _ := json.Marshal(file)
	return data
}

func added(id int, content string, special bool) fields {
	return fields{"id": id, "content": content, "special": special}
}

// changed returns a token like b after a change.
func changed(b fields, key string, v any) fields {
	b[key] = v
	return b
}

func inOrder(list ...any) fields { return fields{"type": "Sequence", "pretokenizers": list} }

func splitBy(regex, behavior string, invert bool) fields {
	return fields{"type": "Split", "pattern": fields{"Regex": regex}, "behavior": behavior, "invert": invert}
}

var byteLevelOnly = fields{"type": "ByteLevel", "use_regex": false}

func TestParseHF(t *testing.T) {
	bosFirst := fields{"type": "TemplateProcessing", "single": []any{
		fields{"SpecialToken": fields{"id": "<s>", "type_id": 0}}, fields{"Sequence": fields{"id": "A"}},
		fields{"SpecialToken": fields{"id": "</s>", "type_id": 0}},
	}}
	config := `{"bos_token": {"content": "<s>"}, "eos_token": "</s>", "add_bos_token": true, "chat_template": null}`
	for name, c := range map[string]struct {
		change func(fields)
		config string
		text   string
		want   []Token // of EncodePrompt
	}{
		"merges of both forms":        {nil, "", "hexe", []Token{257, 'e'}},
		"special tokens are text":     {nil, "", "<s></s>", []Token{'<', 's', '>', '<', '/', 's', '>'}},
		"literals, the longest first": {nil, "", "x<sep><sep><sep>x<sep", []Token{'x', 261, 260, 'x', '<', 's', 'e', 'p'}},
		"BOS of the post-processor":   {set(bosFirst, "post_processor"), "", "he", []Token{258, 256}},
		"BOS of the config":           {nil, config, "he", []Token{258, 256}},
		"BOS within a sequence": {set(fields{"type": "Sequence", "processors": []any{fields{"type": "ByteLevel"}, bosFirst}}, "post_processor"),
			"", "he", []Token{258, 256}},
		"BOS that is not added": {nil, `{"bos_token": "<s>"}`, "he", []Token{256}},
		"prefix space":          {set(true, "pre_tokenizer", "add_prefix_space"), "", "he", []Token{' ', 256}},
		"prefix space is there": {set(true, "pre_tokenizer", "add_prefix_space"), "", " he", []Token{' ', 256}},
		"no type of model":      {set(nil, "model", "type"), "", "he", []Token{256}},
		"Tekken's pattern": {set(inOrder(splitBy(Pattern, "Isolated", false), byteLevelOnly), "pre_tokenizer"), "",
			"hEhe", []Token{'h', 'E', 256}},
		"digits together": {set(inOrder(fields{"type": "Digits"}, byteLevelOnly), "pre_tokenizer"), "", "he12", []Token{256, '1', '2'}},
		"split by a text": {set(inOrder(fields{"type": "Split", "pattern": fields{"String": "e"}, "behavior": "Isolated"}, byteLevelOnly), "pre_tokenizer"),
			"", "hex", []Token{'h', 'e', 'x'}},
		"what is no match goes": {set(inOrder(splitBy("[hex]+", "Removed", true), byteLevelOnly), "pre_tokenizer"), "", "hex-he!", []Token{257, 256}},
		"empty matches":         {set(inOrder(splitBy("x*", "Isolated", false), byteLevelOnly), "pre_tokenizer"), "", "hex", []Token{256, 'x'}},
		"NFC":                   {set(fields{"type": "Sequence", "normalizers": []any{fields{"type": "NFC"}}}, "normalizer"), "", "e\u0301", []Token{0xc3, 0xa9}},
		"a gap":                 {set([]any{added(300, "<s>", true)}, "added_tokens"), "", "hex", []Token{257}},
		"ignore_merges":         {all(set([]any{"h e"}, "model", "merges"), set(true, "model", "ignore_merges")), "", "hex", []Token{257}},
		"a merge of a special token": {all(set(262, "model", "vocab", "<|im_end|>x"), set(263, "model", "vocab", "<|im_end|>"),
			set([]any{"<|im_end|> x", "h e"}, "model", "merges")), "", "he", []Token{256}},
		"bytes without a token": {all(set(nil, "model", "vocab", "Ã"), set(nil, "model", "vocab", "©")), "", "hée", []Token{256}},
	} {
		files := HFFiles{Tokenizer: tinyHF(c.change)}
		if c.config != "" {
			files.Config = []byte(c.config)
		}
		k, err := ParseHF(files)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := k.EncodePrompt(c.text); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestParseHFRefuses(t *testing.T) {
	deep := any(fields{"type": "ByteLevel"})
	for range 9 {
		deep = inOrder(deep)
	}
	for _, c := range []struct {
		change func(fields)
		want   string
	}{
		{set("Unigram", "model", "type"), `model.type is "Unigram"`},
		{set(true, "model", "byte_fallback"), "SentencePiece"},
		{set("##", "model", "continuing_subword_prefix"), "subword prefix"},
		{set(nil, "model", "vocab"), "model.vocab is missing"},
		{set([]any{}, "model", "vocab"), "cannot unmarshal array"},
		{set(1<<40, "model", "vocab", "q"), "has id 1099511627776, but there are"},
		{set(-1, "model", "vocab", "q"), "has id -1"},
		{set(256, "model", "vocab", "hexx"), "have the same id, 256"},
		{set([]any{"h"}, "model", "merges"), "want two tokens"},
		{set([]any{[]any{"h"}}, "model", "merges"), "want two tokens"},
		{set([]any{7}, "model", "merges"), "want two tokens"},
		{set([]any{"h q"}, "model", "merges"), `merges[0]: "hq" is not in the vocabulary`},
		{set([]any{"h 日"}, "model", "merges"), `merges[0]: "日" is not in the vocabulary`},
		{set([]any{"h e", "h e"}, "model", "merges"), "stand there twice"},
		{set([]any{added(5, "he", true)}, "added_tokens"), `"he" has id 5, but in model.vocab 256`},
		{set([]any{added(5, "<s>", true)}, "added_tokens"), "have the same id, 5"},
		{set([]any{added(258, "a", true), added(259, "a", true)}, "added_tokens"), `"a" has id 258, but in model.vocab 97`},
		{set([]any{added(258, "<a>", true), added(259, "<a>", true)}, "added_tokens"), "stands there twice"},
		{set([]any{added(258, "", false)}, "added_tokens"), "added token is empty"},
		{set([]any{changed(added(258, "a b", false), "lstrip", true)}, "added_tokens"), "to strip spaces"},
		{set(fields{"type": "Lowercase"}, "normalizer"), `normalizer: type is "Lowercase"`},
		{set(nil, "pre_tokenizer"), "there is no ByteLevel"},
		{set(fields{"type": "Metaspace"}, "pre_tokenizer"), `type is "Metaspace"`},
		{set(deep, "pre_tokenizer"), "nested too deep"},
		{set(inOrder(byteLevelOnly, byteLevelOnly), "pre_tokenizer"), "a second ByteLevel"},
		{set(inOrder(byteLevelOnly, splitBy("a", "Isolated", false)), "pre_tokenizer"), "Split after ByteLevel"},
		{set(inOrder(splitBy("a", "MergedWithNext", false), byteLevelOnly), "pre_tokenizer"), `behavior "MergedWithNext"`},
		{set(inOrder(splitBy("(a", "Isolated", false), byteLevelOnly), "pre_tokenizer"), `pattern "(a": error parsing`},
		{set(inOrder(splitBy(strings.Repeat("a", 5000), "Isolated", false), byteLevelOnly), "pre_tokenizer"), "pattern of 5000 bytes"},
		{set(inOrder(fields{"type": "Split", "behavior": "Isolated"}, byteLevelOnly), "pre_tokenizer"), "Split without a pattern"},
		{all(set(nil, "model", "vocab", "!"), set("?", "model", "unk_token")), "byte 0x21 is no token"},
		{set(fields{"type": "TemplateProcessing", "single": []any{fields{"SpecialToken": fields{"id": "<x>"}}}}, "post_processor"), `BOS: "<x>" is not in`},
	} {
		_, err := ParseHF(HFFiles{Tokenizer: tinyHF(c.change)})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "tokenizer: ") {
			t.Errorf("%v, want an error with %q", err, c.want)
		}
	}
	for _, config := range []string{`[]`, `{"eos_token": "<e>"}`, `{"chat_template": 5}`} {
		if _, err := ParseHF(HFFiles{Tokenizer: tinyHF(nil), Config: []byte(config)}); err == nil || !strings.Contains(err.Error(), "tokenizer_config.json") {
			t.Errorf("config %s: %v", config, err)
		}
	}
}

// TestSlowPattern gives up on a pattern that backtracks for ever, and still
// encodes the whole text.
func TestSlowPattern(t *testing.T) {
	k := must(t)(ParseHF(HFFiles{Tokenizer: tinyHF(set(inOrder(splitBy("(e+)+$", "Removed", true), byteLevelOnly), "pre_tokenizer"))}))
	text := strings.Repeat("e", 100) + "x"
	start := time.Now()
	got, err := k.Decode(k.Encode(text), RaiseSpecial)
	if err != nil || got != text || time.Since(start) > 10*matchTimeout {
		t.Errorf("%q, %v after %v", got, err, time.Since(start))
	}
}

func TestOpenHF(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenHF(dir, ImageConfig{}); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("an empty directory: %v", err)
	}
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("tokenizer.json", testdata(t, "hf_smollm.json"))
	write("tokenizer_config.json", []byte(`{"eos_token": "<|im_end|>"}`))
	ask := &Chat{Model: "m", Messages: []Message{UserMessage(Text("a"))}}
	const jinja = `<|im_start|>…<|im_end|>`
	for _, c := range []struct {
		name string
		data string
		want bool // whether there is a form of conversations then
	}{
		{"chat_template.json", `{"chat_template": "` + jinja + `"}`, true},
		{"chat_template.jinja", "{{ unheard of }}", false}, // goes before the other
		{"chat_template.jinja", jinja, true},
		{"tokenizer_config.json", `{"eos_token": "<|im_end|>", "chat_template": [{"name": "tool_use", "template": "?"}, {"name": "default", "template": "` + jinja + `"}]}`, true},
	} {
		write(c.name, []byte(c.data))
		k := must(t)(OpenHF(dir, ImageConfig{}))
		got, err := k.EncodeChat(ask, nil)
		if (err == nil) != c.want || err == nil && k.Name(got[0]) != "<|im_start|>" {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
	for _, name := range []string{"chat_template.json", "tokenizer_config.json", "tokenizer.json"} {
		if err := os.Remove(filepath.Join(dir, "chat_template.jinja")); err != nil && name == "chat_template.json" {
			t.Fatal(err)
		}
		write(name, []byte("{"))
		if _, err := OpenHF(dir, ImageConfig{}); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), dir) {
			t.Errorf("half a %s: %v", name, err)
		}
		write(name, []byte("{}"))
	}
}

// FuzzParseHF reads hostile files: an error or a vocabulary that works.
func FuzzParseHF(f *testing.F) {
	f.Add(tinyHF(nil), []byte(`{"eos_token": "</s>", "chat_template": "<|im_start|>"}`), "he said: 日本\n<sep>")
	f.Add(tinyHF(set(inOrder(splitBy(`\p{L}+|\s+(?!\S)`, "Isolated", false), fields{"type": "Digits"}, byteLevelOnly), "pre_tokenizer")), []byte(`{}`), "a 1")
	f.Add(tinyHF(set(inOrder(splitBy(`(a*)b{2,1000000}`, "Removed", true), byteLevelOnly), "pre_tokenizer")), []byte(`{}`), "aaab")
	f.Add([]byte(`{"model":{"vocab":{"a":1,"b":1000,"aa":2},"merges":["a a"]},"pre_tokenizer":{"type":"ByteLevel"}}`), []byte(`null`), "aaba")
	f.Add([]byte(`{"added_tokens":[{"id":0,"content":"é","normalized":true}],"normalizer":{"type":"NFC"},"model":{"vocab":{"e":1}},`+
		`"pre_tokenizer":{"type":"ByteLevel","use_regex":false,"add_prefix_space":true}}`), []byte(`{}`), "ee\u0301")
	f.Fuzz(func(t *testing.T, file, config []byte, text string) {
		k, err := ParseHF(HFFiles{Tokenizer: file, Config: config})
		if err != nil {
			if !strings.HasPrefix(err.Error(), "tokenizer: ") {
				t.Errorf("error without its package: %v", err)
			}
			return
		}
		exercise(t, k, text)
	})
}

// exercise calls everything a vocabulary does.
func exercise(t *testing.T, k Tokenizer, text string) {
	t.Helper()
	if len(text) > 200 {
		text = text[:200]
	}
	tokens := k.EncodePrompt(text)
	whole, err := k.Decode(tokens, IgnoreSpecial)
	if err != nil {
		t.Fatal(err)
	}
	streamed := ""
	d := k.NewDecoder()
	for _, tok := range tokens {
		streamed += d.Next(tok)
	}
	if streamed += d.Flush(); streamed != whole {
		t.Errorf("streamed %q, decoded %q", streamed, whole)
	}
	for _, tok := range k.Encode(text) {
		if k.IsControl(tok) {
			t.Errorf("%q has special token %d", text, tok)
		}
	}
	if chat, err := k.EncodeChat(&Chat{Model: "m", Messages: []Message{UserMessage(Text(text))}}, nil); err == nil {
		for _, tok := range chat {
			if tok < 0 || int(tok) >= k.VocabSize() {
				t.Errorf("chat has token %d of %d", tok, k.VocabSize())
			}
		}
	}
	for _, tok := range []Token{-1, 0, Token(k.VocabSize()) - 1, Token(k.VocabSize())} {
		if k.Name(tok); k.Bytes(tok) != nil && (k.IsControl(tok) || k.Ends(tok)) {
			t.Errorf("token %d has text, but is special", tok)
		}
	}
}
