package eval

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"pixtral-wgpu/remote"
)

// The prompts are part of the protocol and stand here to the letter, a slip of
// the pen included (arXiv 2410.07073, appendix A; mistral-evals, eval/tasks).
const (
	reasonPrompt = `Analyze the image and question carefully, using step-by-step reasoning.
First, describe any image provided in detail. Then, present your reasoning. And finally your final answer in this format:
Final Answer: <answer>
`
	endPrompt = "\nIMPORTANT: Remember, to end your answer with Final Answer: <answer>."

	optionsPrompt = reasonPrompt + `where <answer> is:
- The single correct letter choice A, B, C, D, E, F, etc. when options are provided. Only include the letter.
- Your direct answer if no options are given, as a single phrase or number.
- If your answer is a number, only include the number without any unit.
- If your answer is a word or phrase, do not paraphrase or reformat the text you see in the image.
- You cannot answer that the question is unanswerable. You must either pick an option or provide a direct answer.` + endPrompt

	chartPrompt = reasonPrompt + `where <answer> follows the following instructions:
- <answer> should should be a single phrase or number.
- <answer> should not paraphrase or reformat the text in the image.
- If <answer> is a ratio, it should be a decimal value like 0.25 instead of 1:4.
- If the question is a Yes/No question, <answer> should be Yes/No.
- If <answer> is a number, it should not contain any units.
- If <answer> is a percentage, it should include a % sign.
- If <answer> is an entity, it should include the full label from the graph.` + endPrompt

	docPrompt = "Answer the question using a single word or phrase."

	vqaPrompt = `- Answer the question using a single word, number, or short phrase. Use as few words as possible.
- If the answer is a number, report it as a number, i.e. 2, not Two, and only include the number without any unit.
- If the question is Yes/No, answer with Yes/No, and nothing else (no likely, unknown, etc.).
- You cannot answer that the question is unanswerable. You must answer.`
)

// Longest answers, in tokens, that the protocol allows.
const (
	reasonTokens = 2048
	wordTokens   = 10 // cuts some long answers of DocVQA; kept, as it is the protocol
)

var (
	explicit = byReferences("explicit_prompt_relaxed_correctness", "the final answer, numbers within 5 %", Explicit)
	anywhere = byReferences("anywhere_in_answer_relaxed_correctness", "the same, or the reference anywhere (too generous)", Anywhere)
)

func announced(v float64) Known { return Known{"Pixtral 12B", v, "the announcement, 2024-09-17"} }

func paper(v float64) Known { return Known{"Pixtral 12B", v, "arXiv 2410.07073"} }

var mmmu = &Task{
	Name: "mmmu", Source: "lmms-lab/MMMU", Split: "validation",
	Metrics: []Metric{explicit, anywhere}, Groups: []string{"subject"},
	known: []Known{announced(52.5), paper(52.0)},
	items: func(row Row, n int) ([]Item, error) {
		question, err := row.text("question")
		if err != nil {
			return nil, err
		}
		if row.optional("question_type") == "multiple-choice" {
			options, err := row.literals("options")
			if err != nil {
				return nil, err
			}
			for i, option := range options {
				question += "\n" + letter(i) + ". " + option
			}
		}
		parts, err := row.interleave(question)
		if err != nil {
			return nil, err
		}
		if last := &parts[len(parts)-1]; last.Image == nil {
			last.Text += "\n" + optionsPrompt
		} else {
			parts = append(parts, remote.Text(optionsPrompt))
		}
		references, err := row.texts("answer")
		if err == nil && len(references) == 1 && strings.Contains(references[0], "[") {
			references, err = row.literals("answer")
		}
		id := row.optional("id")
		subject := strings.TrimSuffix(strings.TrimRight(strings.TrimPrefix(id, "validation_"), "0123456789"), "_")
		return one(id, n, ask(reasonTokens, parts...), references, map[string]string{"subject": subject}), err
	},
}

var mathvista = &Task{
	Name: "mathvista", Source: "AI4Math/MathVista", Split: "testmini",
	Metrics: []Metric{explicit, anywhere}, Groups: []string{"type"},
	known: []Known{announced(58.0), paper(58.3)},
	items: func(row Row, n int) ([]Item, error) {
		answer, err := row.text("answer")
		if err != nil {
			return nil, err
		}
		if choices, ok := row.Columns["choices"].([]any); ok && len(choices) > 0 {
			at := slices.Index(choices, any(answer))
			if at < 0 {
				return nil, fmt.Errorf("the answer %q is none of the choices", answer)
			}
			answer = letter(at)
		}
		meta := map[string]string{"type": row.optional("question_type")}
		return row.imageQuestion(n, "pid", "decoded_image", "query", optionsPrompt, reasonTokens, []string{answer}, meta)
	},
}

var chartqa = &Task{
	Name: "chartqa", Source: "lmms-lab/ChartQA", Split: "test",
	Metrics: []Metric{
		explicit, anywhere,
		byReferences("relaxed_accuracy_official", "as ChartQA defines it, of the final answer", RelaxedAccuracy),
	},
	Groups: []string{"type"},
	known:  []Known{announced(81.8), paper(81.8)},
	items: func(row Row, n int) ([]Item, error) {
		references, err := row.texts("answer")
		if err != nil {
			return nil, err
		}
		meta := map[string]string{"type": row.optional("type")}
		return row.imageQuestion(n, "id", "image", "question", chartPrompt, reasonTokens, references, meta)
	},
}

var docvqa = &Task{
	Name: "docvqa", Source: "lmms-lab/DocVQA, configuration DocVQA", Split: "validation",
	Metrics: []Metric{
		byReferences("anls", "normalised edit similarity, no threshold", ANLS),
		byReferences("anls_official", "0 where half of it or more is wrong (arXiv 1905.13648)", OfficialANLS),
	},
	known: []Known{announced(90.7), paper(90.7)},
	items: func(row Row, n int) ([]Item, error) {
		references, err := row.texts("answers")
		if err != nil {
			return nil, err
		}
		return row.imageQuestion(n, "questionId", "image", "question", docPrompt, wordTokens, references, nil)
	},
}

// The released harness hands the records of "answers" to the metric as they
// are, which would fail; here their field "answer" is taken.
var vqav2 = &Task{
	Name: "vqav2", Source: "HuggingFaceM4/VQAv2", Split: "validation",
	Metrics: []Metric{
		byReferences("vqa_match", "a third for each person who gave this very answer", VQAMatch),
		byReferences("vqa_accuracy_official", "with the official forms and leaving one out", VQAAccuracy),
	},
	Groups: []string{"type"},
	known:  []Known{announced(78.6), paper(78.6)},
	items: func(row Row, n int) ([]Item, error) {
		people, err := row.texts("answers")
		if err != nil {
			return nil, err
		}
		meta := map[string]string{"type": row.optional("answer_type")}
		return row.imageQuestion(n, "question_id", "image", "question", vqaPrompt, wordTokens, people, meta)
	},
}

// imageQuestion makes the item of an image and a question: the image first,
// then the question, a line break and the prompt.
func (r Row) imageQuestion(n int, id, image, question, prompt string, maxTokens int, references []string, meta map[string]string) ([]Item, error) {
	file, err := r.image(image)
	if err != nil {
		return nil, err
	}
	text, err := r.text(question)
	if err != nil {
		return nil, err
	}
	request := ask(maxTokens, remote.Image(file), remote.Text(text+"\n"+prompt))
	return one(r.optional(id), n, request, references, meta), nil
}

// one makes a list of one item; an item without an id gets its row's number.
func one(id string, n int, request remote.Request, references []string, meta map[string]string) []Item {
	if id == "" {
		id = strconv.Itoa(n + 1)
	}
	return []Item{{ID: id, Request: request, References: references, Meta: meta}}
}

func letter(i int) string { return string(rune('A' + i)) }

var imageMark = regexp.MustCompile(`<image (\d+)>`)

// interleave puts the images image_1, image_2 … where a text names them.
func (r Row) interleave(text string) (parts []remote.Part, err error) {
	words := func(s string) {
		if strings.TrimSpace(s) != "" {
			parts = append(parts, remote.Text(s))
		}
	}
	from := 0
	for _, at := range imageMark.FindAllStringSubmatchIndex(text, -1) {
		words(text[from:at[0]])
		file, err := r.image("image_" + text[at[2]:at[3]])
		if err != nil {
			return nil, err
		}
		parts, from = append(parts, remote.Image(file)), at[1]
	}
	if words(text[from:]); len(parts) == 0 {
		return nil, fmt.Errorf("the question is empty")
	}
	return parts, nil
}
