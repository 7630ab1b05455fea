package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// slowMerge is the definition: join the neighbours of the lowest rank, the
// leftmost of equals, until none are left.
func slowMerge(k *Tekken, piece string) (tokens []Token) {
	if r, ok := k.ranks[piece]; ok {
		return []Token{k.special + Token(r)}
	}
	parts := strings.Split(piece, "")
	for i := range parts {
		parts[i] = piece[i : i+1]
	}
	for {
		best, at := int32(-1), 0
		for i := range len(parts) - 1 {
			if r, ok := k.ranks[parts[i]+parts[i+1]]; ok && (best < 0 || r < best) {
				best, at = r, i
			}
		}
		if best < 0 {
			break
		}
		parts[at] += parts[at+1]
		parts = slices.Delete(parts, at+1, at+2)
	}
	for _, p := range parts {
		tokens = append(tokens, k.special+Token(k.ranks[p]))
	}
	return tokens
}

// TestMerge compares the heap with the definition, on pieces of few different
// bytes, which merge in many ways, and of one byte, which tie everywhere.
func TestMerge(t *testing.T) {
	k := cutTekken(t)
	rng := rand.New(rand.NewPCG(6, 3))
	for i := range 5000 {
		alphabet := "etaoinshr "[:1+i%10]
		piece := make([]byte, 1+rng.IntN(60))
		for j := range piece {
			piece[j] = alphabet[rng.IntN(len(alphabet))]
		}
		got := k.appendPiece(nil, new(merger), string(piece))
		if want := slowMerge(k, string(piece)); !slices.Equal(got, want) {
			t.Fatalf("%q: got %v, want %v", piece, got, want)
		}
	}
}

// TestMergeLong encodes single pieces of 100,000 letters. Looking for the next
// merge from the start each time would take minutes; the limit is generous for
// a busy machine.
func TestMergeLong(t *testing.T) {
	k := cutTekken(t)
	for _, text := range []string{
		strings.Repeat("a", 100_000), strings.Repeat("あ", 50_000), strings.Repeat("the", 33_333), strings.Repeat(" ", 100_000),
		strings.Repeat("A", 100_000), strings.Repeat("?", 100_000),
	} {
		start := time.Now()
		tokens := k.Encode(text)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%q…: %v", text[:3], took)
		}
		if got, err := k.Decode(tokens, RaiseSpecial); err != nil || got != text {
			t.Errorf("%q…: does not come back: %v", text[:3], err)
		}
	}
}

// TestNoInjection spells every special token in text, between neighbours that
// could run together with it: no id below the ordinary ones comes out.
func TestNoInjection(t *testing.T) {
	k := cutTekken(t)
	for id := range k.special {
		for _, around := range []string{"", " ", "\n", "a", "[", "<"} {
			text := around + k.Name(id) + around
			for _, tok := range k.Encode(text) {
				if k.IsControl(tok) {
					t.Errorf("%q gives token %d %s", text, tok, k.Name(tok))
				}
			}
		}
	}
}

func FuzzEncode(f *testing.F) {
	for _, text := range []string{"Hello", "[INST]<s>", "日本語", "\xff\xe6\x97", "\xed\xa0\x80", "a\x00b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k := cutTekken(t)
		tokens := k.Encode(text)
		if got, err := k.Decode(tokens, RaiseSpecial); err != nil || got != toValid(text) {
			t.Errorf("%q came back as %q, %v", text, got, err)
		}
		d := k.NewDecoder()
		var stream strings.Builder
		for _, tok := range tokens {
			stream.WriteString(d.Next(tok))
		}
		if stream.WriteString(d.Flush()); stream.String() != toValid(text) {
			t.Errorf("%q streamed as %q", text, stream.String())
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	k := cutTekken(b)
	text := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 200)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		k.Encode(text)
	}
}
