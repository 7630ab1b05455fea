package eval

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"pixtral-wgpu/remote"
)

const (
	mmluShots  = 5
	mmluTokens = 16 // a letter, with what a chatty model puts around it
)

// MMLU asks for a letter after five examples of the subject, which are the
// split "dev" of the same data (arXiv 2009.03300). The answer is generated, as
// it must be behind an endpoint, and the first letter that stands alone counts.
var mmlu = &Task{
	Name: "mmlu", Source: "cais/mmlu, configuration all", Split: "test",
	Metrics: []Metric{byReferences("accuracy", "the right letter, after 5 examples", func(answer string, references []string) float64 {
		if choice(answer) == references[0] {
			return 1
		}
		return 0
	})},
	Groups:  []string{"subject"},
	known:   []Known{paper(69.2)},
	prepare: prepareMMLU,
}

func prepareMMLU(t *Task, path string) error {
	dev, err := OpenData(path, "dev")
	if err != nil {
		return fmt.Errorf("mmlu takes its examples from the split dev: %w", err)
	}
	examples := map[string]string{}
	count := map[string]int{}
	for row, err := range dev.Rows() {
		if err != nil {
			return err
		}
		subject := row.optional("subject")
		if count[subject] == mmluShots {
			continue
		}
		text, answer, err := mmluQuestion(row)
		if err != nil {
			return err
		}
		count[subject]++
		examples[subject] += text + " " + answer + "\n\n"
	}
	t.items = func(row Row, n int) ([]Item, error) {
		text, answer, err := mmluQuestion(row)
		if err != nil {
			return nil, err
		}
		subject := row.optional("subject")
		if count[subject] < mmluShots {
			return nil, fmt.Errorf("the split dev has %d examples of %q, not %d", count[subject], subject, mmluShots)
		}
		prompt := "The following are multiple choice questions (with answers) about " + strings.ReplaceAll(subject, "_", " ") + ".\n\n" +
			examples[subject] + text
		return one("", n, ask(mmluTokens, remote.Text(prompt)), []string{answer}, map[string]string{"subject": subject}), nil
	}
	return nil
}

// mmluQuestion writes a question with its choices down, and the letter of its
// answer.
func mmluQuestion(row Row) (text, answer string, err error) {
	if text, err = row.text("question"); err != nil {
		return "", "", err
	}
	choices, err := row.texts("choices")
	if err != nil {
		return "", "", err
	}
	for i, c := range choices {
		text += "\n" + letter(i) + ". " + c
	}
	if answer, err = row.text("answer"); err != nil {
		return "", "", err
	}
	if i, err := strconv.Atoi(answer); err == nil {
		if i < 0 || i >= len(choices) {
			return "", "", fmt.Errorf("the answer %d is none of %d choices", i, len(choices))
		}
		answer = letter(i)
	}
	return text + "\nAnswer:", answer, nil
}

var loneLetter = regexp.MustCompile(`\b([A-D])\b`)

// choice returns the first of A to D that stands alone in an answer.
func choice(answer string) string {
	if at := loneLetter.FindStringSubmatch(answer); at != nil {
		return at[1]
	}
	return ""
}
