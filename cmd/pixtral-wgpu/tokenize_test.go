package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

const tekken = "../../model/pocket/tekken.json"

func tokenize(t *testing.T, stdin string, args ...string) (r tokenized) {
	t.Helper()
	okJSON(t, &r, stdin, append([]string{"tokenize"}, args...)...)
	if len(r.Pieces) != r.Count || len(r.Tokens) != r.Count {
		t.Errorf("%d tokens, %d pieces, count %d", len(r.Tokens), len(r.Pieces), r.Count)
	}
	return r
}

// Text comes back from its tokens, from arguments and from standard input.
func TestTokenize(t *testing.T) {
	for _, text := range []string{"", "What is this?", " tabs\tand\n\nlines ", "<s>[INST] is text", "héllo 世界 🙂"} {
		r := tokenize(t, text)
		if text != "" && !slices.Equal(tokenize(t, "", "--tekken", tekken, text).Tokens, r.Tokens) {
			t.Errorf("%q: other tokens as an argument", text)
		}
		line, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var back struct {
			Text  string
			Count int
		}
		okJSON(t, &back, string(line), "detokenize")
		if back.Text != text || back.Count != r.Count {
			t.Errorf("%q becomes %q", text, back.Text)
		}
	}
}

func TestDetokenize(t *testing.T) {
	r := tokenize(t, "", "--image", circle, "Hi")
	list := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(r.Tokens)), " "), "[]")
	for special, want := range map[string]string{"ignore": "Hi", "keep": strings.Join(r.Pieces, "")} {
		out := ok(t, list, "detokenize", "--special", special).out
		if !strings.HasPrefix(out, fmt.Sprintf(`{"text":%q,`, want)) {
			t.Errorf("%s: %s", special, out)
		}
	}
	if r := px(t, list, "detokenize", "--special", "raise"); r.code != failed || !strings.Contains(r.err, "special tokens") {
		t.Errorf("exit code %d, %s", r.code, r.err)
	}
}

// A conversation has the tokens of its images wherever they come from.
func TestTokenizeChat(t *testing.T) {
	encoded := base64.StdEncoding.EncodeToString([]byte(read(t, circle)))
	want := tokenize(t, "", "--image", circle, "What is this?")
	if len(want.Images) != 1 || want.Images[0] != (imageTokens{8, 6, 54}) || want.Count != 61 {
		t.Errorf("%+v", want)
	}
	for _, part := range []string{
		fmt.Sprintf(`{"type": "image_url", "image_url": {"url": "data:image/png;base64,%s"}}`, encoded),
		fmt.Sprintf(`{"type": "image_url", "image_url": %q}`, circle),
		fmt.Sprintf(`{"type": "image", "image": %q}`, strings.TrimRight(encoded, "=")),
		fmt.Sprintf(`{"type": "image", "image": "data:image/png;base64,%s"}`, encoded),
	} {
		body := `{"messages": [{"role": "user", "content": [` + part + `, {"type": "text", "text": "What is this?"}]}]}`
		if got := tokenize(t, body, "--chat", "-"); !slices.Equal(got.Tokens, want.Tokens) {
			t.Errorf("%.80s: %v", part, got.Tokens)
		}
	}
	body := file(t, "chat.json", `{"messages": [{"role": "user", "content": "What is this?"}]}`)
	if got := tokenize(t, "", "--chat", body, "--image", circle); !slices.Equal(got.Tokens, want.Tokens) {
		t.Errorf("with --image: %v", got.Tokens)
	}
	broken := `{"messages": [{"role": "user", "content": [{"type": "image", "image": "data:,x"}]}]}`
	if r := px(t, broken, "tokenize", "--chat", "-"); r.code != failed || !strings.Contains(r.err, "image data:,x: pixels: not an image") {
		t.Errorf("exit code %d, %s", r.code, r.err)
	}
}
