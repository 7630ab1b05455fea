package eval

import (
	"encoding/json"
	"regexp"
	"strings"
	"sync"
	"unicode"

	"github.com/abadojack/whatlanggo"
	"github.com/neurosnap/sentences"
	"github.com/neurosnap/sentences/english"
)

// instructionArgs are the arguments of all types; each has a few.
type instructionArgs struct {
	Keywords         []string `json:"keywords"`
	Keyword          string   `json:"keyword"`
	Frequency        int      `json:"frequency"`
	Relation         string   `json:"relation"` // "less than", else "at least"
	ForbiddenWords   []string `json:"forbidden_words"`
	Letter           string   `json:"letter"`
	LetFrequency     int      `json:"let_frequency"`
	LetRelation      string   `json:"let_relation"`
	Language         string   `json:"language"`
	NumSentences     int      `json:"num_sentences"`
	NumParagraphs    int      `json:"num_paragraphs"`
	NumWords         int      `json:"num_words"`
	NthParagraph     int      `json:"nth_paragraph"`
	FirstWord        string   `json:"first_word"`
	NumPlaceholders  int      `json:"num_placeholders"`
	PostscriptMarker string   `json:"postscript_marker"`
	NumBullets       int      `json:"num_bullets"`
	NumHighlights    int      `json:"num_highlights"`
	SectionSpliter   string   `json:"section_spliter"`
	NumSections      int      `json:"num_sections"`
	PromptToRepeat   string   `json:"prompt_to_repeat"`
	EndPhrase        string   `json:"end_phrase"`
	CapitalFrequency int      `json:"capital_frequency"`
	CapitalRelation  string   `json:"capital_relation"`
}

// instructions are the 25 types, by the names that the data use; each is what
// google-research's instructions.py checks. Two rest on other libraries than
// the original: languages are told by whatlanggo instead of langdetect, and
// sentences by a Go port of Punkt instead of NLTK's.
var instructions = map[string]func(instructionArgs) func(string) bool{
	"keywords:existence": func(a instructionArgs) func(string) bool {
		return func(s string) bool {
			for _, k := range a.Keywords {
				if !pattern(`(?i)` + k).MatchString(s) {
					return false
				}
			}
			return true
		}
	},
	"keywords:frequency": func(a instructionArgs) func(string) bool {
		return func(s string) bool {
			return related(len(pattern(`(?i)`+strings.TrimSpace(a.Keyword)).FindAllString(s, -1)), a.Relation, a.Frequency)
		}
	},
	"keywords:forbidden_words": func(a instructionArgs) func(string) bool {
		return func(s string) bool {
			for _, w := range a.ForbiddenWords {
				if pattern(`(?i)\b` + w + `\b`).MatchString(s) {
					return false
				}
			}
			return true
		}
	},
	"keywords:letter_frequency": func(a instructionArgs) func(string) bool {
		return func(s string) bool {
			return related(strings.Count(strings.ToLower(s), strings.ToLower(strings.TrimSpace(a.Letter))), a.LetRelation, a.LetFrequency)
		}
	},
	"language:response_language": func(a instructionArgs) func(string) bool {
		return func(s string) bool { return inLanguage(s, a.Language) }
	},
	"length_constraints:number_sentences": func(a instructionArgs) func(string) bool {
		return func(s string) bool { return related(len(punkt().Tokenize(s)), a.Relation, a.NumSentences) }
	},
	"length_constraints:number_paragraphs": func(a instructionArgs) func(string) bool {
		return func(s string) bool {
			parts := starDivider.Split(s, -1)
			n, whole := filled(parts)
			return whole && n == a.NumParagraphs
		}
	},
	"length_constraints:number_words": func(a instructionArgs) func(string) bool {
		return func(s string) bool { return related(len(wordRun.FindAllString(s, -1)), a.Relation, a.NumWords) }
	},
	"length_constraints:nth_paragraph_first_word": nthParagraph,
	"detectable_content:number_placeholders": func(a instructionArgs) func(string) bool {
		return func(s string) bool { return len(placeholder.FindAllString(s, -1)) >= a.NumPlaceholders }
	},
	"detectable_content:postscript": func(a instructionArgs) func(string) bool {
		marker := strings.TrimSpace(a.PostscriptMarker)
		find := `\s*` + strings.ToLower(marker) + `.*$`
		switch marker {
		case "P.P.S":
			find = `\s*p\.\s?p\.\s?s.*$`
		case "P.S.":
			find = `\s*p\.\s?s\..*$`
		}
		return func(s string) bool { return pattern(`(?m)` + find).MatchString(strings.ToLower(s)) }
	},
	"detectable_format:number_bullet_lists": func(a instructionArgs) func(string) bool {
		return func(s string) bool {
			return len(starBullet.FindAllString(s, -1))+len(dashBullet.FindAllString(s, -1)) == a.NumBullets
		}
	},
	"detectable_format:constrained_response": func(instructionArgs) func(string) bool {
		return func(s string) bool {
			return strings.Contains(s, "My answer is yes.") || strings.Contains(s, "My answer is no.") || strings.Contains(s, "My answer is maybe.")
		}
	},
	"detectable_format:number_highlighted_sections": func(a instructionArgs) func(string) bool {
		return func(s string) bool {
			n := 0
			for _, h := range append(highlight.FindAllString(s, -1), boldHighlight.FindAllString(s, -1)...) {
				if strings.TrimSpace(strings.Trim(h, "*")) != "" {
					n++
				}
			}
			return n >= a.NumHighlights
		}
	},
	"detectable_format:multiple_sections": func(a instructionArgs) func(string) bool {
		return func(s string) bool {
			return len(pattern(`\s?`+strings.TrimSpace(a.SectionSpliter)+`\s?\d+\s?`).FindAllString(s, -1)) >= a.NumSections
		}
	},
	"detectable_format:json_format": func(instructionArgs) func(string) bool { return isJSON },
	"detectable_format:title": func(instructionArgs) func(string) bool {
		return func(s string) bool {
			for _, t := range title.FindAllString(s, -1) {
				if strings.TrimSpace(strings.TrimRight(strings.TrimLeft(t, "<"), ">")) != "" {
					return true
				}
			}
			return false
		}
	},
	"combination:two_responses": func(instructionArgs) func(string) bool {
		return func(s string) bool {
			parts := strings.Split(s, "******")
			n, whole := filled(parts)
			if !whole || n != 2 {
				return false
			}
			var two []string
			for _, p := range parts {
				if p = strings.TrimSpace(p); p != "" {
					two = append(two, p)
				}
			}
			return two[0] != two[1]
		}
	},
	"combination:repeat_prompt": func(a instructionArgs) func(string) bool {
		return func(s string) bool {
			return strings.HasPrefix(strings.ToLower(strings.TrimSpace(s)), strings.ToLower(strings.TrimSpace(a.PromptToRepeat)))
		}
	},
	"startend:end_checker": func(a instructionArgs) func(string) bool {
		return func(s string) bool {
			return strings.HasSuffix(strings.ToLower(strings.Trim(strings.TrimSpace(s), `"`)), strings.ToLower(strings.TrimSpace(a.EndPhrase)))
		}
	},
	"startend:quotation": func(instructionArgs) func(string) bool {
		return func(s string) bool {
			s = strings.TrimSpace(s)
			return len(s) > 1 && s[0] == '"' && s[len(s)-1] == '"'
		}
	},
	"change_case:capital_word_frequency": func(a instructionArgs) func(string) bool {
		return func(s string) bool { return related(capitalWords(s), a.CapitalRelation, a.CapitalFrequency) }
	},
	"change_case:english_capital": func(instructionArgs) func(string) bool {
		return func(s string) bool { return isUpper(s) && inLanguage(s, "en") }
	},
	"change_case:english_lowercase": func(instructionArgs) func(string) bool {
		return func(s string) bool { return isLower(s) && inLanguage(s, "en") }
	},
	"punctuation:no_comma": func(instructionArgs) func(string) bool {
		return func(s string) bool { return !strings.Contains(s, ",") }
	},
}

var (
	starDivider   = regexp.MustCompile(`\s?\*\*\*\s?`)
	wordRun       = regexp.MustCompile(`[\p{L}\p{N}_]+`) // Python's \w+
	placeholder   = regexp.MustCompile(`\[.*?\]`)
	starBullet    = regexp.MustCompile(`(?m)^\s*\*[^*].*$`)
	dashBullet    = regexp.MustCompile(`(?m)^\s*-.*$`)
	highlight     = regexp.MustCompile(`\*[^\n*]*\*`)
	boldHighlight = regexp.MustCompile(`\*\*[^\n*]*\*\*`)
	title         = regexp.MustCompile(`<<[^\n]+>>`)
)

// pattern compiles a pattern made of an argument, which the checks take as a
// pattern too; one that is none is taken to the letter.
func pattern(expr string) *regexp.Regexp {
	if re, err := regexp.Compile(expr); err == nil {
		return re
	}
	flags, rest, _ := strings.Cut(expr, ")")
	return regexp.MustCompile(flags + ")" + regexp.QuoteMeta(rest))
}

// related compares a count as an instruction says.
func related(n int, relation string, bound int) bool {
	if relation == "less than" {
		return n < bound
	}
	return n >= bound
}

// filled counts the parts that have text; only the first and the last may have
// none.
func filled(parts []string) (n int, whole bool) {
	for i, p := range parts {
		if strings.TrimSpace(p) != "" {
			n++
		} else if i > 0 && i < len(parts)-1 {
			return 0, false
		}
	}
	return n, true
}

func nthParagraph(a instructionArgs) func(string) bool {
	return func(s string) bool {
		paragraphs := strings.Split(s, "\n\n")
		n := len(paragraphs)
		for _, p := range paragraphs {
			if strings.TrimSpace(p) == "" {
				n--
			}
		}
		if a.NthParagraph > n || a.NthParagraph < 1 {
			return false
		}
		words := strings.Fields(paragraphs[a.NthParagraph-1])
		if len(words) == 0 {
			return false
		}
		first := strings.TrimLeft(strings.TrimLeft(words[0], "'"), `"`)
		if end := strings.IndexAny(first, `.,?!'"`); end >= 0 {
			first = first[:end]
		}
		return n == a.NumParagraphs && strings.EqualFold(first, a.FirstWord)
	}
}

// isJSON takes a JSON value, bare or in a code block.
func isJSON(s string) bool {
	s = strings.TrimSpace(s)
	for _, fence := range []string{"```json", "```Json", "```JSON", "```"} {
		s = strings.TrimPrefix(s, fence)
	}
	return json.Valid([]byte(strings.TrimSpace(strings.TrimSuffix(s, "```"))))
}

// inLanguage reports whether a text is in a language, by its ISO 639-1 code. A
// text without letters passes, as in the original.
func inLanguage(s, code string) bool {
	if !strings.ContainsFunc(s, unicode.IsLetter) {
		return true
	}
	code, _, _ = strings.Cut(strings.ToLower(code), "-")
	return whatlanggo.DetectLang(s).Iso6391() == code
}

// isUpper and isLower are Python's: some letter has a case, and none the other.
func isUpper(s string) bool {
	return strings.ContainsFunc(s, unicode.IsUpper) && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLower(r) || unicode.IsTitle(r) })
}

func isLower(s string) bool {
	return strings.ContainsFunc(s, unicode.IsLower) && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsUpper(r) || unicode.IsTitle(r) })
}

// Clitics are words of their own to NLTK's tokenizer.
var clitic = regexp.MustCompile(`(?i)(n't|'(s|m|d|ll|re|ve))\b`)

// capitalWords counts the words in capitals, as NLTK's word tokenizer takes
// texts apart: at spaces and punctuation, clitics off, hyphenated words whole.
func capitalWords(s string) (n int) {
	for _, w := range strings.Fields(clitic.ReplaceAllString(s, " $1")) {
		for _, part := range strings.FieldsFunc(w, func(r rune) bool { return strings.ContainsRune(",;:@#$%&?!()[]{}<>\"`“”*", r) }) {
			if isUpper(part) {
				n++
			}
		}
	}
	return n
}

// punkt returns the tokenizer of sentences, made on first use.
var punkt = sync.OnceValue(func() *sentences.DefaultSentenceTokenizer {
	t, err := english.NewSentenceTokenizer(nil)
	if err != nil {
		panic(err) // its own data, embedded
	}
	return t
})
