package eval

import (
	"fmt"
	"path/filepath"
	"strings"

	"pixtral-wgpu/remote"
)

// ownTokens is the longest answer to a question of a person's own set.
const ownTokens = 256

// Own is the task of a person's own set: JSON lines with a question, an answer
// or a list of answers, and where they apply an image or a list of images
// (paths beside the file, or data URIs), a system prompt, a history of
// [question, answer, …], a kind to group by and an id. {image} in the question
// places images; otherwise they come first.
func Own(path string) *Task {
	return &Task{
		Name: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), Source: path,
		Metrics: []Metric{
			byReferences("exact_match", "equal to a reference, but for case, spaces and the last punctuation", exact),
			byReferences("relaxed_correctness", "numbers within 5 %, other texts equal", func(a string, refs []string) float64 { return Relaxed(strings.TrimSpace(a), refs) }),
			byReferences("anls", "normalised edit similarity", ANLS),
		},
		Groups: []string{"kind"},
		items:  ownItem,
	}
}

func exact(answer string, references []string) float64 {
	for _, r := range references {
		if trimmed(answer) == trimmed(r) {
			return 1
		}
	}
	return 0
}

func ownItem(row Row, n int) ([]Item, error) {
	question, err := row.text("question")
	if err != nil {
		return nil, err
	}
	references, err := row.texts("answer")
	if err != nil {
		return nil, err
	}
	images, err := row.ownImages()
	if err != nil {
		return nil, err
	}
	request := ask(ownTokens)
	request.Messages = nil
	if system := row.optional("system"); system != "" {
		request.Messages = append(request.Messages, remote.Message{Role: "system", Parts: []remote.Part{remote.Text(system)}})
	}
	turns := []string{question}
	if _, ok := row.Columns["history"]; ok {
		history, err := row.texts("history")
		if err != nil || len(history)%2 != 0 {
			return nil, fmt.Errorf(`"history" is a list of questions and answers in turn`)
		}
		turns = append(history, question)
	}
	for i, turn := range turns {
		message := remote.Message{Role: "user", Parts: []remote.Part{remote.Text(turn)}}
		if i == 0 {
			if message.Parts, err = place(turn, images); err != nil {
				return nil, err
			}
		} else if i%2 == 1 {
			message.Role = "assistant"
		}
		request.Messages = append(request.Messages, message)
	}
	return one(row.optional("id"), n, request, references, map[string]string{"kind": row.optional("kind")}), nil
}

// place puts images where a text says {image}, or before it.
func place(text string, images [][]byte) (parts []remote.Part, err error) {
	const mark = "{image}"
	marks := strings.Count(text, mark)
	if marks == 0 {
		for _, file := range images {
			parts = append(parts, remote.Image(file))
		}
		return append(parts, remote.Text(text)), nil
	}
	if marks != len(images) {
		return nil, fmt.Errorf("the question has %d places for images and there are %d", marks, len(images))
	}
	for i, words := range strings.Split(text, mark) {
		if i > 0 {
			parts = append(parts, remote.Image(images[i-1]))
		}
		if words != "" {
			parts = append(parts, remote.Text(words))
		}
	}
	return parts, nil
}

func (r Row) ownImages() (files [][]byte, err error) {
	named, ok := r.Columns["images"].([]any)
	if one, single := r.Columns["image"]; !ok && single {
		named = []any{one}
	}
	for _, name := range named {
		file, err := imageFile(name, r.dir)
		if err != nil {
			return nil, fmt.Errorf("image %v: %w", name, err)
		}
		files = append(files, file)
	}
	return files, nil
}
