package tokenizer

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type fields = map[string]any

// tiny returns the smallest vocabulary that is one, "he" besides the bytes,
// after change has been at it.
func tiny(change func(file fields)) []byte {
	vocab := []any{}
	for i := range 256 {
		vocab = append(vocab, ranked(i, string([]byte{byte(i)})))
	}
	file := fields{
		"config": fields{
			"pattern": Pattern, "num_vocab_tokens": 257, "default_vocab_size": 277,
			"default_num_special_tokens": 20, "version": "v3",
		},
		"vocab":      append(vocab, ranked(256, "he")),
		"multimodal": fields{"image_patch_size": 16, "max_image_size": 1024},
	}
	if change != nil {
		change(file)
	}
	data, _ := json.Marshal(file)
	return data
}

func ranked(rank int, text string) fields {
	return fields{"rank": rank, "token_bytes": base64.StdEncoding.EncodeToString([]byte(text)), "token_str": nil}
}

// set returns a change of one field; a path of two goes into a block.
func set(v any, path ...string) func(fields) {
	return func(file fields) {
		for _, key := range path[:len(path)-1] {
			file = file[key].(fields)
		}
		if file[path[len(path)-1]] = v; v == nil {
			delete(file, path[len(path)-1])
		}
	}
}

// entryAt returns a change of one entry of the vocabulary.
func entryAt(i int, v any) func(fields) {
	return func(file fields) { file["vocab"].([]any)[i] = v }
}

func all(changes ...func(fields)) func(fields) {
	return func(file fields) {
		for _, c := range changes {
			c(file)
		}
	}
}

// listed are the special tokens as newer files list them.
func listed(names ...string) []any {
	var list []any
	for i, name := range names {
		list = append(list, fields{"rank": i, "token_str": name, "is_control": true})
	}
	return list
}

func TestParse(t *testing.T) {
	image := fields{"image_patch_size": 14, "max_image_size": 1540, "spatial_merge_size": 2}
	for name, c := range map[string]struct {
		change func(fields)
		check  func(*Tekken) bool
	}{
		"as it is":     {nil, func(k *Tekken) bool { return slices.Equal(k.Encode("hex"), []Token{276, 20 + 'x'}) }},
		"special list": {set(listed(builtin...), "special_tokens"), func(k *Tekken) bool { return k.Control.Suffix == 16 }},
		// Ids follow the names, wherever the file puts them.
		"special list reversed": {set(listed(reversed(builtin)...), "special_tokens"),
			func(k *Tekken) bool {
				return k.Control.Unknown == 19 && k.Control.BOS == 18 && k.Name(0) == "[TOOL_CONTENT]"
			}},
		"a filler's name beyond the fillers": {set(listed(append(builtin[:19:19], "<SPECIAL_20>")...), "special_tokens"),
			func(k *Tekken) bool { return k.Name(19) == "<SPECIAL_20>" }},
		"more special tokens": {all(set(40, "config", "default_num_special_tokens"), set(297, "config", "default_vocab_size")),
			func(k *Tekken) bool { return k.Name(39) == "<SPECIAL_39>" && k.Encode("he")[0] == 296 }},
		"entries beyond the vocabulary": {set(276, "config", "default_vocab_size"),
			func(k *Tekken) bool { return k.VocabSize() == 276 && len(k.Encode("he")) == 2 }},
		"new name of image": {all(set(nil, "multimodal"), set(image, "image")),
			func(k *Tekken) bool { return k.Image == ImageConfig{14, 1540, 2} }},
		"no images":   {set(nil, "multimodal"), func(k *Tekken) bool { return k.Image == ImageConfig{} }},
		"empty block": {set(fields{}, "multimodal"), func(k *Tekken) bool { return k.Image == ImageConfig{} }},
		"newest": {all(set("v15", "config", "version"), set(listed(builtin...), "special_tokens"), set(nil, "multimodal")),
			func(k *Tekken) bool { return k.VocabSize() == 277 }},
		"other keys": {all(set("Tekken", "type"), set(fields{"a": []any{"]}\"", 1, nil, "\\"}}, "audio")),
			func(k *Tekken) bool { return k.VocabSize() == 277 }},
	} {
		k, err := Parse(tiny(c.change))
		if err != nil || !c.check(k) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func reversed(names []string) []string {
	names = slices.Clone(names)
	slices.Reverse(names)
	return names
}

func TestParseRefuses(t *testing.T) {
	half := fields{"image_patch_size": 16}
	for _, c := range []struct {
		change func(fields)
		want   string
	}{
		{set(nil, "config"), `no "config"`},
		{set([]any{}, "config"), "config: json"},
		{set(nil, "vocab"), `no "vocab"`},
		{set(fields{}, "vocab"), "not a list"},
		{set("v4", "config", "version"), `unknown version: "v4"`},
		{set(nil, "config", "version"), `unknown version: ""`},
		{set(`\w+`, "config", "pattern"), "not the pattern of Tekken"},
		{set(nil, "config", "default_vocab_size"), "config needs"},
		{set(278, "config", "default_vocab_size"), "there are 20 special tokens and 257 in vocab"},
		{set(275, "config", "default_vocab_size"), "want at least 20 special tokens and 256 bytes"},
		{set(-1, "config", "default_vocab_size"), "want at least"},
		{set(1<<40, "config", "default_vocab_size"), "default_vocab_size is"},
		{set(1<<40, "config", "default_num_special_tokens"), "default_num_special_tokens is"},
		{set(-5, "config", "default_num_special_tokens"), "default_num_special_tokens is -5"},
		{set(1.5, "config", "default_num_special_tokens"), "config: json"},
		{all(set(19, "config", "default_num_special_tokens"), set(276, "config", "default_vocab_size")), "20 special tokens, but"},
		{entryAt(256, ranked(255, "he")), "vocab[256]: rank is 255, want 256"},
		{entryAt(256, fields{"rank": -1, "token_bytes": "YQ=="}), "vocab[256]: byte"},
		{entryAt(256, fields{"token_bytes": "YQ=="}), "vocab[256]: rank is missing"},
		{entryAt(256, fields{"rank": 256}), "vocab[256]: token_bytes is missing"},
		{entryAt(256, fields{"rank": 256, "token_bytes": ""}), "token_bytes is missing or empty"},
		{entryAt(256, fields{"rank": 256, "token_bytes": "a"}), "token_bytes: illegal base64"},
		{entryAt(256, fields{"rank": 256, "token_bytes": 5}), "want a string"},
		{entryAt(256, 5), "vocab[256]: byte"},
		{entryAt(256, fields{"rank": json.Number("18446744073709551872"), "token_bytes": "aGU="}), "number is too large"}, // 2⁶⁴ + 256
		{entryAt(256, ranked(256, "a")), `vocab[256]: token "a" stands there twice`},
		{entryAt(97, ranked(97, "b")), `vocab[97]: token is "b", want the byte 0x61`},
		{set("v11", "config", "version"), "special_tokens are missing"},
		{set(listed(builtin[:16]...), "special_tokens"), "special token [SUFFIX] is missing"},
		{set(listed(append(builtin[:19:19], "<s>")...), "special_tokens"), "stands there twice"},
		{set(listed(append(builtin[:19:19], "")...), "special_tokens"), "is empty"},
		{set([]any{fields{"rank": 1, "token_str": "<unk>"}}, "special_tokens"), "special_tokens[0]: rank"},
		{set(5, "special_tokens"), "special_tokens: json"},
		{all(set(21, "config", "default_num_special_tokens"), set(listed(append(builtin[:19:19], "<SPECIAL_20>")...), "special_tokens"),
			set(278, "config", "default_vocab_size")), `"<SPECIAL_20>" belongs to token 20`},
		{all(set("v13", "config", "version"), set(listed(builtin...), "special_tokens")), `must be called "image"`},
		{set(half, "multimodal"), "multimodal: image_patch_size, max_image_size"},
		{set(fields{"image_patch_size": 0, "max_image_size": 5}, "multimodal"), "out of range"},
		{set(fields{"image_patch_size": 16, "max_image_size": 1 << 40}, "multimodal"), "out of range"},
		{set(fields{"image_patch_size": 16, "max_image_size": 64, "spatial_merge_size": 0}, "multimodal"), "out of range"},
		{set("x", "multimodal"), "multimodal: json"},
	} {
		k, err := Parse(tiny(c.change))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "tokenizer: tekken.json: ") {
			t.Errorf("%v, %v, want an error with %q", k != nil, err, c.want)
		}
	}
}

// TestParseCut cuts a file short at every byte, and puts text after it.
func TestParseCut(t *testing.T) {
	data := tiny(nil)
	for n := range len(data) {
		if _, err := Parse(data[:n]); err == nil {
			t.Fatalf("%d of %d bytes are a vocabulary", n, len(data))
		}
	}
	if _, err := Parse(append(data, "}"...)); err == nil {
		t.Error("text after the end is not seen")
	}
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tekken.json")
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a missing file: %v", err)
	}
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("an empty object: %v", err)
	}
	if _, err := Read(strings.NewReader(string(tiny(nil)))); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]bool{"a/tekken.json": true, "tekken_240911.json": true, "tekken.json.bak": false, "tekken/config.json": false} {
		if IsTekken(name) != want {
			t.Errorf("IsTekken(%q) is %v", name, !want)
		}
	}
}

// FuzzRead reads hostile files: an error or a vocabulary that works.
func FuzzRead(f *testing.F) {
	f.Add(tiny(nil))
	f.Add(tiny(set(listed(builtin...), "special_tokens")))
	f.Add([]byte(`{"vocab":[{"rank":0,"token_bytes":"AA==","token_str":"\""}],"config":{}}`))
	f.Add([]byte(`{"config":{"default_num_special_tokens":2147483647,"default_vocab_size":2147483647},"vocab":[]}`))
	f.Add([]byte(`{"a":[[[[[{"b":"]"}]]]]],"vocab":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := Parse(data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "tokenizer: tekken.json: ") {
				t.Errorf("error without its file: %v", err)
			}
			return
		}
		const text = "he said: 日本\n"
		if got, err := k.Decode(k.Encode(text), RaiseSpecial); err != nil || got != text {
			t.Errorf("%q came back as %q, %v", text, got, err)
		}
		k.Name(k.special - 1)
		k.Name(k.size - 1)
	})
}

func BenchmarkParse(b *testing.B) {
	file, err := fullFile()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Parse(file); err != nil {
			b.Fatal(err)
		}
	}
}
