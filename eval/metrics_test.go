package eval

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// What mistral-evals' own metrics give for these answers (commit d61811f, run once).
func TestMetricsOfMistralEvals(t *testing.T) {
	metrics := map[string]func(string, []string) float64{
		"anls": ANLS, "vqa_match": VQAMatch, "explicit": Explicit, "anywhere": Anywhere,
	}
	times := func(n int, s string) []string { return slices.Repeat([]string{s}, n) }
	for _, c := range []struct {
		metric, answer string
		references     []string
		want           float64
	}{
		{"anls", "ITC Limited", []string{"itc limited", "ITC Limited"}, 1},
		{"anls", "itc limted.", []string{"ITC Limited"}, 0.909091},
		{"anls", "abc", []string{"xyz"}, 0},
		{"anls", "", []string{""}, 1},
		{"anls", "1,000 %", []string{"1,000%"}, 0.857143},
		{"anls", "  Hello   World!! ", []string{"hello world"}, 1},
		{"anls", "cat", []string{"cats", "dog"}, 0.75},
		{"vqa_match", "yes", times(10, "yes"), 1},
		{"vqa_match", "yes", []string{"yes", "no", "yes"}, 2.0 / 3},
		{"vqa_match", "Yes", times(10, "yes"), 0},
		{"vqa_match", "'2'", times(3, "2"), 1},
		{"vqa_match", "2.", times(10, "2"), 0},
		{"explicit", "Final Answer: 42", []string{"40"}, 1},
		{"explicit", "Final Answer: 42.1", []string{"40"}, 0},
		{"explicit", "Final Answer: 0.25", []string{"25%"}, 1},
		{"explicit", "Final Answer: 25", []string{"25%"}, 1},
		{"explicit", "Final Answer: 25%", []string{"0.25"}, 1},
		{"explicit", "**Final Answer:** **B**", []string{"B"}, 1},
		{"explicit", "Final Answer: B. Paris", []string{"B"}, 1},
		{"explicit", "Final Answer: (C)", []string{"C"}, 1},
		{"explicit", "The answer is 42", []string{"42"}, 0},
		{"anywhere", "The answer is 42", []string{"42"}, 1},
		{"explicit", "Answer: $1,200.", []string{"1200"}, 1},
		{"explicit", "final answer:\n\n  Yes ", []string{"yes"}, 1},
		{"explicit", "Final Answer: Blue_bar", []string{"Bluebar"}, 1},
		{"explicit", "Final Answer: 1e3", []string{"1000"}, 1},
		{"explicit", "Final Answer: 5 km", []string{"5"}, 0},
		{"explicit", "Final Answer: 0.01", []string{"0"}, 0},
	} {
		if got := metrics[c.metric](c.answer, c.references); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%s(%q, %q) = %g, want %g", c.metric, c.answer, c.references, got, c.want)
		}
	}
}

func TestOfficialForms(t *testing.T) {
	if got := OfficialANLS("abcd", []string{"abxy"}); got != 0 {
		t.Errorf("half of the letters: %g, want 0", got)
	}
	if got := OfficialANLS("ITC limted", []string{"itc limited"}); math.Abs(got-10.0/11) > 1e-9 {
		t.Errorf("one letter of eleven: %g", got)
	}
	people := []string{"2", "2", "2", "two", "two dogs", "2", "3", "2", "2", "2"}
	if got := VQAAccuracy("Two.", people); got != 1 {
		t.Errorf("a number word: %g, want 1", got)
	}
	if got := VQAAccuracy("The dont", []string{"don't", "don't", "do"}); math.Abs(got-(1.0/3+1.0/3+2.0/3)/3) > 1e-9 {
		t.Errorf("leaving one out of three: %g", got)
	}
	if got := vqaContractions["wouldn'tve"]; got != "wouldn't've" {
		t.Errorf("wouldn'tve is %q", got)
	}
}

func FuzzMetrics(f *testing.F) {
	f.Add("**Answer**: İ 1,000.5%", "25%")
	f.Add("answer:", "")
	f.Add(`"`, `'`)
	f.Fuzz(func(t *testing.T, answer, reference string) {
		for name, metric := range map[string]func(string, []string) float64{
			"explicit": Explicit, "anywhere": Anywhere, "anls": ANLS, "official anls": OfficialANLS, "vqa": VQAMatch, "official vqa": VQAAccuracy, "official chart": RelaxedAccuracy,
		} {
			if got := metric(answer, strings.Split(reference, "|")); !(got >= 0 && got <= 1) {
				t.Errorf("%s(%q, %q) = %g", name, answer, reference, got)
			}
		}
	})
}
