package tokenizer

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// bytesOf returns the single-byte tokens of s.
func bytesOf(k *Tekken, s string) (tokens []Token) {
	for i := range len(s) {
		tokens = append(tokens, k.special+Token(s[i]))
	}
	return tokens
}

// TestTruncated decodes what is not UTF-8; want is bytes.decode("utf-8",
// "replace") of Python 3.11.
func TestTruncated(t *testing.T) {
	k := cutTekken(t)
	const x = "\ufffd"
	for _, c := range []struct{ bytes, want, why string }{
		{"\xf0\x9f\x98\x80", "😀", "whole"},
		{"\xf0\x9f\x98", x, "a tail of three bytes is one character lost"},
		{"\xf0\x9f", x, "of two bytes"},
		{"\xf0", x, "of one byte"},
		{"\xe6\x97", x, "cut three-byte sequence"},
		{"\xc3", x, "cut two-byte sequence"},
		{"\xf0\x9f\x98a", x + "a", "cut by a letter"},
		{"\xf0\x9f\xf0\x9f\x98\x80", x + "😀", "cut by another sequence"},
		{"\xe6\x97\xe6\x97\xa5", x + "日", "likewise of three bytes"},
		{"\x80\x80", x + x, "no lead"},
		{"\xc0\xaf", x + x, "overlong: C0 leads nothing"},
		{"\xe0\x80\xaf", x + x + x, "overlong: E0 wants A0 or more"},
		{"\xe0\xa0", x, "E0 with its second byte"},
		{"\xed\xa0\x80", x + x + x, "surrogate: ED wants 9F or less"},
		{"\xf0\x80\x80\x80", x + x + x + x, "overlong: F0 wants 90 or more"},
		{"\xf4\x90\x80\x80", x + x + x + x, "beyond U+10FFFF"},
		{"\xf5\x80", x + x, "F5 leads nothing"},
		{"a\xffb", "a" + x + "b", "FF is never UTF-8"},
	} {
		got, err := k.Decode(bytesOf(k, c.bytes), IgnoreSpecial)
		if err != nil || got != c.want {
			t.Errorf("%q: %q, %v, want %q: %s", c.bytes, got, err, c.want, c.why)
		}
	}
}

// TestDecodeGroups checks that a special token ends what stands before it.
func TestDecodeGroups(t *testing.T) {
	k := cutTekken(t)
	half := bytesOf(k, "\xe6\x97")
	tokens := append(append(append([]Token{k.Control.BOS}, half...), k.Control.EOS), bytesOf(k, "\xa5a")...)
	for policy, want := range map[SpecialPolicy]string{
		IgnoreSpecial: "\ufffd\ufffda",
		KeepSpecial:   "<s>\ufffd</s>\ufffda",
	} {
		if got, err := k.Decode(tokens, policy); err != nil || got != want {
			t.Errorf("policy %d: %q, %v, want %q", policy, got, err, want)
		}
	}
	for _, bad := range [][]Token{{k.Control.BOS}, append(bytesOf(k, "a"), k.special-1)} {
		if got, err := k.Decode(bad, RaiseSpecial); err == nil || !strings.Contains(err.Error(), "is not allowed") {
			t.Errorf("%v: %q, %v", bad, got, err)
		}
	}
	for _, bad := range []Token{-1, Token(k.VocabSize()), 1 << 30} {
		if got, err := k.Decode([]Token{bad}, IgnoreSpecial); err == nil {
			t.Errorf("token %d decodes as %q", bad, got)
		}
	}
}

// TestDecoder streams random tokens, whole characters and torn ones: the
// pieces are UTF-8, add up to Decode, and never lag by more than three bytes.
func TestDecoder(t *testing.T) {
	k := cutTekken(t)
	rng := rand.New(rand.NewPCG(6, 4))
	emoji := bytesOf(k, "é日😀")
	for range 2000 {
		var tokens []Token
		for range rng.IntN(20) {
			switch rng.IntN(4) {
			case 0:
				tokens = append(tokens, Token(rng.IntN(k.VocabSize())))
			case 1:
				tokens = append(tokens, emoji[rng.IntN(len(emoji))])
			default:
				tokens = append(tokens, emoji...)
			}
		}
		d := k.NewDecoder()
		var stream strings.Builder
		for _, tok := range tokens {
			piece := d.Next(tok)
			if !utf8.ValidString(piece) || len(d.pending) > 3 {
				t.Fatalf("%v: token %d gives %q and leaves %q", tokens, tok, piece, d.pending)
			}
			stream.WriteString(piece)
		}
		stream.WriteString(d.Flush())
		want, err := k.Decode(tokens, IgnoreSpecial)
		if err != nil || stream.String() != want {
			t.Fatalf("%v: %q, want %q, %v", tokens, stream.String(), want, err)
		}
	}
}

// TestDecoderSteps follows one character through the decoder.
func TestDecoderSteps(t *testing.T) {
	k := cutTekken(t)
	d := k.NewDecoder()
	b := bytesOf(k, "😀")
	for i, step := range []struct {
		tok  Token
		want string
	}{
		{b[0], ""}, {b[1], ""}, {b[2], ""}, {b[3], "😀"}, // held back until whole
		{b[0], ""}, {k.Control.EOS, "\ufffd"}, {k.Control.EOS, ""}, // a special token ends it
		{b[0], ""}, {-1, "\ufffd"}, {b[0], ""}, {Token(k.VocabSize()), "\ufffd"}, // so does what is no token
		{b[0], ""}, {b[0], "\ufffd"}, {b[1], ""}, // another lead
		{k.special + 0xFF, "\ufffd\ufffd"}, // what can never be whole does not wait
		{b[0], ""},
	} {
		if got := d.Next(step.tok); got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
	if got := d.Flush(); got != "\ufffd" {
		t.Errorf("Flush: %q", got)
	}
	if got := d.Flush(); got != "" {
		t.Errorf("second Flush: %q", got)
	}
}

func TestTokens(t *testing.T) {
	k := cutTekken(t)
	for _, c := range []struct {
		tok     Token
		name    string
		bytes   string
		control bool
	}{
		{-1, "", "", false},
		{0, "<unk>", "", true},
		{k.Control.Image, "[IMG]", "", true},
		{19, "[TOOL_CONTENT]", "", true},
		{20, "<SPECIAL_20>", "", true}, // the first that the file leaves undefined
		{31, "<SPECIAL_31>", "", true},
		{32, "\x00", "\x00", false},
		{32 + 'a', "a", "a", false},
		{32 + 0xFF, "\ufffd", "\xff", false},
		{Token(k.VocabSize()), "", "", false},
	} {
		if k.Name(c.tok) != c.name || string(k.Bytes(c.tok)) != c.bytes || k.IsControl(c.tok) != c.control {
			t.Errorf("token %d: %q, %q, %v", c.tok, k.Name(c.tok), k.Bytes(c.tok), k.IsControl(c.tok))
		}
	}
	if k.VocabSize() != 4032 {
		t.Errorf("VocabSize is %d", k.VocabSize())
	}
	if want := (ImageConfig{PatchSize: 16, MaxSize: 1024, SpatialMerge: 1}); k.Image != want {
		t.Errorf("Image is %v, want %v", k.Image, want)
	}
}
