package eval

import (
	"encoding/json"
	"fmt"
	"strconv"

	"pixtral-wgpu/remote"
)

// mmJudge is what the judge of MM-MT-Bench is told, part of the protocol to
// the letter (mistral-evals, eval/tasks/mm_mt_bench.py).
const mmJudge = `Please act as an impartial judge and evaluate the quality of the response provided by an AI assistant to the most recent question given the previous conversation as context. Your evaluation should consider correctness and helpfulness. You will be given a reference answer and the assistant's answer. Begin your evaluation by comparing the assistant's answer with the reference answer. Identify and correct any mistakes. Be as objective as possible. After providing your explanation, you must rate the response on a scale of 1 to 10 by strictly following this format: "[[rating]]", for example: "Rating: [[5]]".

`

const mmTokens = 4096

// MM-MT-Bench puts each turn of a conversation with the references as the
// earlier answers. The released harness shows its judge neither the questions'
// text nor the images (it walks over the keys of a message); this one shows
// both, so its scores are the protocol's as described and not those of the
// released code.
var mmMTBench = &Task{
	Name: "mm-mt-bench", Source: "mistralai/MM-MT-Bench", Split: "eval", Judged: true,
	Metrics: []Metric{judged(mmShow)}, Groups: []string{"category", "turn"},
	known: []Known{announced(6.05), paper(6.05)},
	items: mmItems,
}

// A turn of a conversation as the data set writes it: content is a text or a
// list of parts.
type mmTurn struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
}

func mmItems(row Row, n int) ([]Item, error) {
	text, err := row.text("conversation")
	if err != nil {
		return nil, err
	}
	image, err := row.image("image")
	if err != nil {
		return nil, err
	}
	var turns []mmTurn
	if err := json.Unmarshal([]byte(text), &turns); err != nil || len(turns) == 0 || len(turns)%2 != 0 {
		return nil, fmt.Errorf(`"conversation" is not a list of questions and answers in turn (%v)`, err)
	}
	var items []Item
	var messages []remote.Message
	for i, turn := range turns {
		message, err := turn.message(image)
		if err != nil {
			return nil, fmt.Errorf("turn %d: %w", i+1, err)
		}
		if role := []string{"user", "assistant"}[i%2]; message.Role != role {
			return nil, fmt.Errorf("turn %d is of the %s, not the %s", i+1, message.Role, role)
		}
		if i%2 == 1 {
			request := remote.Request{Messages: messages[:i:i], MaxTokens: mmTokens, Temperature: &zero}
			items = append(items, Item{
				ID: fmt.Sprintf("%d-%d", n+1, i/2+1), Request: request, References: []string{message.Parts[0].Text},
				Meta: map[string]string{"category": row.optional("category"), "turn": strconv.Itoa(i / 2)},
			})
		}
		messages = append(messages, message)
	}
	return items, nil
}

// message reads a turn; image is the file that its image parts stand for.
func (t mmTurn) message(image []byte) (remote.Message, error) {
	m := remote.Message{Role: t.Role}
	var text string
	if json.Unmarshal(t.Content, &text) == nil {
		m.Parts = []remote.Part{remote.Text(text)}
		return m, nil
	}
	var parts []struct{ Type, Text string }
	if err := json.Unmarshal(t.Content, &parts); err != nil || len(parts) == 0 {
		return m, fmt.Errorf("its content is neither a text nor a list of parts")
	}
	for _, p := range parts {
		switch p.Type {
		case "text":
			m.Parts = append(m.Parts, remote.Text(p.Text))
		case "image", "image_url":
			m.Parts = append(m.Parts, remote.Image(image))
		default:
			return m, fmt.Errorf("a part of type %q", p.Type)
		}
	}
	return m, nil
}

// mmShow lays a conversation out for the judge: every question with its
// reference, images in place, the assistant's answer last.
func mmShow(item *Item, answer string) []remote.Message {
	parts := []remote.Part{remote.Text("<|The Start of Conversation with User|>\n\n")}
	add := func(p remote.Part) {
		if last := &parts[len(parts)-1]; p.Image == nil && last.Image == nil {
			last.Text += p.Text
		} else {
			parts = append(parts, p)
		}
	}
	messages := item.Request.Messages
	for i := 0; i < len(messages); i += 2 {
		add(remote.Text("### User:\n"))
		for _, p := range messages[i].Parts {
			add(p)
		}
		reference := item.References[0]
		if i+1 < len(messages) {
			reference = messages[i+1].Parts[0].Text
		}
		add(remote.Text("\n\n### Reference answer:\n" + reference + "\n\n"))
	}
	add(remote.Text("\n\n### Assistant's answer:\n" + answer + "\n\n<|The End of Conversation with User|>\n\n\n"))
	return []remote.Message{
		{Role: "system", Parts: []remote.Part{remote.Text(mmJudge)}},
		{Role: "user", Parts: parts},
	}
}
