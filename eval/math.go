package eval

import (
	"regexp"
	"strings"

	"pixtral-wgpu/remote"
)

const (
	mathTokens = 2048
	mathPrompt = "\n\nReason step by step, and put your final answer within \\boxed{}."
)

// MATH asks for one greedy solution (maj@1) and compares its last \boxed{}
// with the reference's. The paper gives no prompt; ours asks without examples.
var math500 = &Task{
	Name: "math", Source: "HuggingFaceH4/MATH-500 or hendrycks/competition_math", Split: "test",
	Metrics: []Metric{byReferences("maj@1", "the boxed answer, equal after Hendrycks' normalisation", func(answer string, references []string) float64 {
		got, ok := boxed(answer)
		if ok && mathForm(got) == mathForm(references[0]) {
			return 1
		}
		return 0
	})},
	Groups: []string{"subject", "level"},
	known:  []Known{paper(48.1)},
	items: func(row Row, n int) ([]Item, error) {
		problem, err := row.text("problem")
		if err != nil {
			return nil, err
		}
		answer := row.optional("answer")
		if answer == "" {
			solution, err := row.text("solution")
			if err != nil {
				return nil, err
			}
			answer, _ = boxed(solution)
		}
		meta := map[string]string{"subject": row.optional(row.first("subject", "type")), "level": row.optional("level")}
		return one(row.optional("unique_id"), n, ask(mathTokens, remote.Text(problem+mathPrompt)), []string{answer}, meta), nil
	},
}

// boxed returns what the last \boxed or \fbox of a solution holds.
func boxed(s string) (string, bool) {
	at := max(strings.LastIndex(s, `\boxed`), strings.LastIndex(s, `\fbox`))
	if at < 0 {
		return "", false
	}
	rest := strings.TrimPrefix(strings.TrimPrefix(s[at:], `\boxed`), `\fbox`)
	if bare, ok := strings.CutPrefix(rest, " "); ok && !strings.HasPrefix(strings.TrimSpace(bare), "{") {
		bare, _, _ = strings.Cut(bare, "$")
		return bare, true
	}
	rest = strings.TrimSpace(rest)
	depth := 0
	for i, c := range rest {
		switch c {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return rest[1:i], true
			}
		}
		if depth == 0 {
			break
		}
	}
	return "", false
}

var (
	bareFraction = regexp.MustCompile(`^(-?\d+)/(-?\d+)$`)
	shortEqual   = regexp.MustCompile(`^[^=]{1,2}=`)
	mathNoise    = strings.NewReplacer("\n", "", `\!`, "", `\\`, `\`, "tfrac", "frac", "dfrac", "frac", `\left`, "", `\right`, "",
		`^{\circ}`, "", `^\circ`, "", `\$`, "", `\%`, "", "$", "")
)

// mathForm brings an answer into one form, after the normalisation that came
// with MATH (arXiv 2103.03874, hendrycks/math, math_equivalence.py): spacing,
// units, degrees, percentages and short left sides go; fractions and roots get
// their braces.
func mathForm(s string) string {
	s = mathNoise.Replace(s)
	s, _, _ = strings.Cut(s, `\text{ `) // a unit
	s = strings.ReplaceAll(strings.ReplaceAll(s, " .", " 0."), "{.", "{0.")
	if strings.HasPrefix(s, ".") {
		s = "0" + s
	}
	s = strings.TrimSpace(s)
	if strings.Count(s, "=") == 1 {
		s = shortEqual.ReplaceAllString(s, "")
	}
	s = braces(s, `\sqrt`, 1)
	s = strings.ReplaceAll(s, " ", "")
	s = braces(s, `\frac`, 2)
	if s == "0.5" {
		s = `\frac{1}{2}`
	}
	return bareFraction.ReplaceAllString(s, `\frac{$1}{$2}`)
}

// braces puts the n arguments of a command into braces where they are single
// characters.
func braces(s, command string, n int) string {
	parts := strings.Split(s, command)
	out := parts[0]
	for _, rest := range parts[1:] {
		out += command
		for range n {
			if rest == "" || strings.HasPrefix(rest, "{") {
				break // it has its braces, and so has what follows
			}
			c := string([]rune(rest)[0])
			out, rest = out+"{"+c+"}", rest[len(c):]
		}
		out += rest
	}
	return out
}
