package tokenizer

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

// engine runs Pattern itself. regexp2 backtracks as the reference's engine does
// and takes its classes from package unicode, as the scanner does; that the
// classes agree is TestClasses.
var engine = regexp2.MustCompile(Pattern, regexp2.None)

// matches returns the pieces of text by the regex engine.
func matches(t *testing.T, text string) (pieces []string) {
	t.Helper()
	m, err := engine.FindStringMatch(text)
	for ; m != nil && err == nil; m, err = engine.FindNextMatch(m) {
		pieces = append(pieces, m.String())
	}
	if err != nil {
		t.Fatal(err)
	}
	return pieces
}

func pieces(text string) (all []string) {
	for len(text) > 0 {
		n := split(text)
		all = append(all, text[:n])
		text = text[n:]
	}
	return all
}

func compareSplit(t *testing.T, text string) {
	t.Helper()
	got, want := pieces(text), matches(t, text)
	if strings.Join(got, "\x00|") != strings.Join(want, "\x00|") {
		t.Fatalf("%q\n got %q\nwant %q", text, got, want)
	}
	if strings.Join(got, "") != text {
		t.Fatalf("%q is not covered by %q", text, got)
	}
}

// borders are characters of every class that the pattern tells apart, and of
// every length in UTF-8.
var borders = []rune("aéßﬁ𝐚" + "AÉİ𝐀" + "ǅᾈ" + "ʰーๆ" + "ªא一あ한𐍈" + "\u0301\u0903\u20dd\U0001d165" +
	"1²½٣Ⅷ𝟙" + " \t\v\f\u00a0\u0085\u1680\u2028\u2029\u202f\u3000" + "\n\r" + "/.,'\"-_{}\u200b\u200d\ufeff\u00ad☺😀€+\x00\x7f\ufffd\U0010ffff")

// TestSplit compares the scanner with the regex engine on 100,000 strings:
// a third of border characters, a third of spaces and line ends, which have
// most of the rules, and a third of any characters at all.
func TestSplit(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 2))
	blanks := []rune("  \n\r\t\u00a0\u0085aA1/.")
	for i := range 100_000 {
		var text strings.Builder
		for range rng.IntN(16) {
			switch i % 3 {
			case 0:
				text.WriteRune(borders[rng.IntN(len(borders))])
			case 1:
				text.WriteRune(blanks[rng.IntN(len(blanks))])
			default:
				text.WriteRune(anyRune(rng))
			}
		}
		compareSplit(t, text.String())
	}
}

// anyRune returns a character of a random plane, the lower ones more often.
func anyRune(rng *rand.Rand) rune {
	for {
		r := rng.Int32N(1 << (7 + rng.IntN(15)))
		if utf8.ValidRune(r) {
			return r
		}
	}
}

// TestClasses compares the classes of every character with those of the engine,
// and of a sample of those planes that have few or none assigned.
func TestClasses(t *testing.T) {
	for _, c := range []struct {
		set  string
		want func(class) bool
	}{
		{`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`, func(c class) bool { return c&upper != 0 }},
		{`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`, func(c class) bool { return c&lower != 0 }},
		{`\p{L}`, func(c class) bool { return c&letter != 0 }},
		{`\p{N}`, func(c class) bool { return c&numeral != 0 }},
		{`\s`, func(c class) bool { return c&space != 0 }},
		{`[\r\n]`, func(c class) bool { return c&newline != 0 }},
	} {
		re := regexp2.MustCompile("^"+c.set, regexp2.None)
		for r := rune(0); r <= utf8.MaxRune; r++ {
			if r > 0x20000 && r%61 > 0 {
				continue
			}
			if got, err := re.MatchRunes([]rune{r}); err != nil || got != c.want(classOf(r)) {
				t.Fatalf("%s matches %U: %v, %v", c.set, r, got, err)
			}
		}
	}
}

func FuzzSplit(f *testing.F) {
	for _, text := range []string{"Hello, World's  end\n\n", string(borders), " \r\n\t /\n", "あaBÀ\u0301B1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if utf8.ValidString(text) && len(text) < 1000 { // the engine backtracks without bound
			compareSplit(t, text)
		}
	})
}
