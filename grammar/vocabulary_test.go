package grammar

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"pixtral-wgpu/model/pocket"
	"pixtral-wgpu/tokenizer"
)

func vocabularyOf(t testing.TB, data []byte) ([][]byte, *Vocabulary) {
	t.Helper()
	tekken, err := tokenizer.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	tokens := make([][]byte, tekken.VocabSize())
	for i := range tokens {
		tokens[i] = tekken.Bytes(tokenizer.Token(i))
	}
	return tokens, NewVocabulary(tokens)
}

// A mask is what trying each token says.
func TestMask(t *testing.T) {
	tokens, _ := vocabularyOf(t, pocket.Tekken)
	tokens = append(tokens, nil, []byte("a"), []byte(`":"`), []byte("\xc3"))
	v := NewVocabulary(tokens)
	rng := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		g, err := Schema([]byte(maker{rng}.document()))
		if err != nil {
			continue
		}
		c := g.Over(v)
		m := c.Start()
		for range 40 {
			allowed := make([]bool, len(tokens))
			m.Mask(allowed)
			var may []int
			for i, text := range tokens {
				one := *m
				if want := len(text) > 0 && one.Advance(text); want != allowed[i] {
					t.Fatalf("token %q: %v, want %v", text, allowed[i], want)
				}
				if allowed[i] {
					may = append(may, i)
				}
			}
			if len(may) == 0 {
				if end, _ := m.Ended(); !end {
					t.Fatal("nothing may follow")
				}
				break
			}
			m.Advance(tokens[may[rng.IntN(len(may))]])
		}
	}
}

// An automaton that has grown too large is left for a new one, and texts under
// way go on.
func TestRenew(t *testing.T) {
	_, v := vocabularyOf(t, pocket.Tekken)
	g, err := Schema([]byte(`{"type":"array","items":{"type":"array","items":{"type":"integer"},"minItems":2},"minItems":3}`))
	if err != nil {
		t.Fatal(err)
	}
	c := g.Over(v)
	a, b := c.Start(), c.Start()
	a.Advance([]byte("[[1,2],"))
	b.Advance([]byte("["))
	c.renew()
	if !a.Advance([]byte("[3,4],[5,6]")) {
		t.Error("a text under way is lost")
	}
	if may, _ := a.Ended(); may || !a.Advance([]byte("]")) {
		t.Error("a text under way ends too early or not at all")
	}
	if may, must := a.Ended(); !may || !must {
		t.Error("it does not end")
	}
	if !b.Advance([]byte("[7,8]")) || b.Advance([]byte("]")) {
		t.Error("another text is lost")
	}
}

// BenchmarkMask makes masks of Pixtral's own vocabulary, for states that were
// never seen before: the worst there is. PIXTRAL_TEKKEN names its tekken.json;
// without it the vocabulary is the embedded model's.
func BenchmarkMask(b *testing.B) {
	data := pocket.Tekken
	if path := os.Getenv("PIXTRAL_TEKKEN"); path != "" {
		var err error
		if data, err = os.ReadFile(path); err != nil {
			b.Fatal(err)
		}
	}
	tokens, v := vocabularyOf(b, data)
	allowed := make([]bool, len(tokens))
	for name, schema := range map[string]string{
		"object":   `{"type":"object"}`,
		"person":   `{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"},"tags":{"type":"array","items":{"enum":["a","b","c"]}}},"required":["name","age","tags"]}`,
		"counted":  `{"type":"object","properties":{"text":{"type":"string","maxLength":500}},"required":["text"]}`,
		"patterns": `{"type":"array","items":{"type":"string","pattern":"^[A-Z][a-z]+( [A-Z][a-z]+)*$","maxLength":60}}`,
	} {
		b.Run(name, func(b *testing.B) {
			g, err := Schema([]byte(schema))
			if err != nil {
				b.Fatal(err)
			}
			c := g.Over(v)
			rng := rand.New(rand.NewPCG(5, 6))
			m := c.Start()
			worst := time.Duration(0)
			for b.Loop() {
				start := time.Now()
				clear(allowed)
				m.Mask(allowed)
				worst = max(worst, time.Since(start))
				if _, must := m.Ended(); must {
					m = c.Start()
					continue
				}
				for at := rng.IntN(len(tokens)); ; at = (at + 1) % len(tokens) {
					if allowed[at] {
						m.Advance(tokens[at])
						break
					}
				}
			}
			b.ReportMetric(float64(worst.Microseconds()), "worst-µs")
		})
	}
}
