package tokenizer

import (
	"errors"
	"strings"
)

// A family is a form of conversations. Checkpoints carry a program that writes
// it, in Jinja; here the known ones are recognised by their words and written
// by hand.
type family int

const (
	plain   family = iota // none: the model goes on with one text
	chatML                // <|im_start|>role\n…<|im_end|>\n
	llama3                // <|start_header_id|>role<|end_header_id|>\n\n…<|eot_id|>
	unknown               // one that is not among these
)

// A template is what a vocabulary's conversations look like.
type template struct {
	family family
	bos    bool   // begins with BOS; llama3 always does
	system string // the system prompt if there is none; ChatML
	dated  bool   // the system prompt begins with dates; Llama 3.1 and 3.2
}

// errTemplate is what EncodeChat returns for a template of an unknown family.
var errTemplate = errors.New("tokenizer: chat: the model's chat template is of a kind that is not known here; " +
	"plain completion of a text is possible")

// recognise finds the family of a Jinja template. It must be of a known one and
// have its special tokens in the vocabulary; what makes a program of it, such
// as the time of day or a switch for thinking, makes it unknown.
func recognise(jinja string, specials map[string]Token) template {
	has := func(names ...string) bool {
		for _, name := range names {
			if _, ok := specials[name]; !ok || !strings.Contains(jinja, name) {
				return false
			}
		}
		return true
	}
	t := template{family: unknown, bos: strings.Contains(jinja, "bos_token")}
	switch {
	case strings.TrimSpace(jinja) == "":
		t.family = plain
	case strings.Contains(jinja, "enable_thinking"):
	case has("<|im_start|>", "<|im_end|>") && !strings.Contains(jinja, "strftime_now"):
		t.family = chatML
		t.system = defaultSystem(jinja)
	case has("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"):
		t.family = llama3
		t.dated = strings.Contains(jinja, "Cutting Knowledge Date")
	}
	return t
}

// defaultSystem returns the system prompt that a ChatML template writes as a
// constant: '<|im_start|>system\n…<|im_end|>' within one string of Jinja, its
// line feed written as itself or as \n.
func defaultSystem(jinja string) string {
	const open, end = "<|im_start|>system", "<|im_end|>"
	for {
		_, rest, ok := strings.Cut(jinja, open)
		if !ok {
			return ""
		}
		jinja = rest
		for _, newline := range []string{"\n", `\n`} {
			text, ok := strings.CutPrefix(rest, newline)
			if !ok {
				continue
			}
			text, _, ok = strings.Cut(text, end)
			if ok && !strings.ContainsAny(text, `'"{}\+`) {
				return text
			}
		}
	}
}

// dates are the first lines of the system prompt of Llama 3.1 and 3.2. The
// second date is what the template falls back to where it cannot ask for today.
const dates = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
