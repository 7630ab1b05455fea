package eval

import (
	"cmp"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// relaxed is the tolerance of ChartQA's relaxed accuracy (arXiv 2203.10244,
// section 5.1, after Methani et al. 2020).
const relaxed = 0.05

// Explicit scores what follows the last "answer:" by relaxed correctness, and
// 0 where there is none. It is the number that Pixtral's announcement reports
// for MMMU, MathVista and ChartQA; ExplicitPromptRelaxedCorrectness of
// mistral-evals.
func Explicit(answer string, references []string) float64 {
	final := finalAnswer(answer)
	if final == "" {
		return 0
	}
	return Relaxed(final, references)
}

// Anywhere is Explicit that, where no final answer is found, also takes a
// reference found in the text: a number, or a text in one of a few phrases.
// Its authors call it overly generous. The texts are looked up in the answer
// as it stands though the phrases are in lower case; AnywhereInAnswer-
// RelaxedCorrectness of mistral-evals does the same.
func Anywhere(answer string, references []string) float64 {
	if final := finalAnswer(answer); final != "" {
		return Relaxed(final, references)
	}
	for _, ref := range references {
		if v, ok := pythonFloat(ref); ok {
			if text := plainNumber(v); strings.Contains(answer, text) || strings.Contains(answer, commas(text)) {
				return 1
			}
			continue
		}
		for _, any := range references { // all of them, as soon as one is no number
			for _, phrase := range []string{"is " + any, "was " + any, " " + any + ".", "are " + any, "\n\n" + any} {
				if strings.Contains(answer, strings.ToLower(phrase)) {
					return 1
				}
			}
		}
	}
	return 0
}

var (
	boldAnswer = regexp.MustCompile(`([aA]nswer)\**:\**`)
	markdown   = strings.NewReplacer("*", "", "_", "", "[", "", "]", "", "(", "", ")", "")
)

// finalAnswer returns the first line with text behind the last "answer:",
// without markdown; "" if there is none.
func finalAnswer(answer string) string {
	answer = boldAnswer.ReplaceAllString(answer, "$1:")
	at := strings.LastIndex(asciiLower(answer), "answer:")
	if at < 0 {
		return ""
	}
	for line := range strings.SplitSeq(answer[at+len("answer:"):], "\n") {
		if line = strings.TrimSpace(line); line != "" {
			return markdown.Replace(line)
		}
	}
	return ""
}

// asciiLower lowers A to Z and leaves every other byte, so that positions in
// the result are positions in s.
func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// Relaxed is the best relaxed correctness of an answer against the references:
// numbers may differ by 5 %, and a percentage may be a fraction; a reference of
// one letter is compared with the answer's first; other texts are equal but
// for case.
func Relaxed(answer string, references []string) (best float64) {
	answer = tidy(answer)
	a, aNumber, aPercent := number(answer)
	for _, ref := range references {
		ref = tidy(ref)
		r, rNumber, rPercent := number(ref)
		right := false
		switch {
		case aNumber && rNumber:
			right = near(a, r) || aPercent && near(a/100, r) || rPercent && near(a, r/100)
		case isLetter(ref) && answer != "":
			first := []rune(answer)[:1]
			right = strings.EqualFold(string(first), ref)
		default:
			right = strings.EqualFold(answer, ref)
		}
		if right {
			best = 1
		}
	}
	return best
}

// RelaxedAccuracy is ChartQA's own measure (arXiv 2203.10244, section 5.1), as
// pix2struct's relaxed_correctness computes it: numbers may differ by 5 %, a
// percentage is a hundredth of its number, and all else is equal but for case.
// It counts of the final answer, or of the whole where none is marked.
func RelaxedAccuracy(answer string, references []string) float64 {
	answer = cmp.Or(finalAnswer(answer), strings.TrimSpace(answer))
	a, aNumber := fraction(answer)
	for _, ref := range references {
		r, rNumber := fraction(ref)
		if aNumber && rNumber && r != 0 {
			if math.Abs(a-r)/math.Abs(r) <= relaxed {
				return 1
			}
		} else if strings.EqualFold(answer, ref) {
			return 1
		}
	}
	return 0
}

// fraction reads a number, of a percentage the hundredth.
func fraction(s string) (v float64, ok bool) {
	percent := strings.HasSuffix(s, "%")
	if v, ok = pythonFloat(strings.TrimRight(s, "%")); percent {
		v /= 100
	}
	return v, ok
}

func near(a, r float64) bool { return math.Abs(a-r)/math.Max(math.Abs(r), 1e-10) <= relaxed }

// tidy takes the quotes off a text; a text with a digit loses what is behind
// the number, thousands' commas and dollar signs instead.
func tidy(s string) string {
	if strings.ContainsFunc(s, unicode.IsDigit) {
		return strings.NewReplacer(",", "", "$", "").Replace(trimEnd(s))
	}
	return unquote(s)
}

// punctuation is Python's string.punctuation.
const punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

// trimEnd cuts punctuation and spaces off the end, up to a per cent sign.
func trimEnd(s string) string {
	return strings.TrimRightFunc(s, func(r rune) bool {
		return r != '%' && (unicode.IsSpace(r) || strings.ContainsRune(punctuation, r))
	})
}

// unquote takes one pair of equal quotes off, or the only character of a text
// that is just a quote, as slicing does in Python.
func unquote(s string) string {
	for _, q := range []string{`"`, `'`} {
		if strings.HasPrefix(s, q) && strings.HasSuffix(s, q) {
			return s[1:max(1, len(s)-1)]
		}
	}
	return s
}

func isLetter(s string) bool {
	r := []rune(s)
	return len(r) == 1 && unicode.IsLetter(r[0])
}

// number reads a text as a number, and says whether it has a per cent sign.
func number(s string) (v float64, ok, percent bool) {
	s = strings.TrimSpace(s)
	v, ok = pythonFloat(strings.TrimRight(s, "%"))
	return v, ok, ok && strings.HasSuffix(s, "%")
}

var floatText = regexp.MustCompile(`(?i)^[+-]?((\d+(_\d+)*)?\.?(\d+(_\d+)*)?(e[+-]?\d+(_\d+)*)?|inf(inity)?|nan)$`)

// pythonFloat reads what Python's float takes: no hexadecimal, but
// underscores between digits.
func pythonFloat(s string) (float64, bool) {
	s = strings.TrimSpace(s)
	if !floatText.MatchString(s) {
		return 0, false
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	if err != nil && !math.IsInf(v, 0) {
		return 0, false
	}
	return v, true
}

// plainNumber writes a number as Python's str does: 42 for 42.0.
func plainNumber(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e18 {
		return strconv.FormatInt(int64(v), 10)
	}
	if exp := math.Abs(v); exp < 1e-4 || exp >= 1e16 {
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// commas puts thousands' commas into a number.
func commas(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, rest, point := strings.Cut(s, ".")
	if strings.ContainsAny(s, "eN") {
		return sign + s
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if point {
		return sign + whole + "." + rest
	}
	return sign + whole
}
