package tokenizer

import "strings"

// A turn is a message as it is encoded: neighbours of the same role are one.
type turn struct {
	role   Role
	parts  []Part // once merged: no empty text, no two texts side by side
	calls  []ToolCall
	prefix bool
	callID string
}

// text returns the content of a turn without images.
func (t turn) text() (string, bool) {
	switch {
	case len(t.parts) == 0:
		return "", true
	case len(t.parts) == 1 && !t.parts[0].IsImage():
		return t.parts[0].Text, true
	}
	return "", false
}

// normalize takes the system prompts out of a conversation, merges what one
// side says in a row, and lets the user begin.
// Follows mistral_common normalize.py, InstructRequestNormalizer.
func normalize(messages []Message) (system string, turns []turn) {
	var prompts []string
	for i, m := range messages {
		switch {
		case m.Role == RoleSystem:
			if len(m.Parts) > 0 {
				prompt, _ := turn{parts: merge(m.Parts)}.text()
				prompts = append(prompts, prompt)
			}
			continue
		// A system prompt between two messages of a role keeps them apart.
		case m.Role == RoleTool || i == 0 || messages[i-1].Role != m.Role:
			turns = append(turns, turn{role: m.Role})
		}
		turns[len(turns)-1].add(m)
	}
	for i := range turns {
		turns[i].parts = merge(turns[i].parts)
	}
	if len(turns) == 0 || turns[0].role != RoleUser {
		turns = append([]turn{{role: RoleUser}}, turns...)
	}
	return strings.Join(prompts, paragraph), turns
}

// paragraph is what joins texts that stood apart; normalize.py, _DEFAULT_JOIN_STR.
const paragraph = "\n\n"

func (t *turn) add(m Message) {
	t.parts = append(t.parts, m.Parts...)
	t.calls = append(t.calls, m.ToolCalls...)
	t.prefix = t.prefix || m.Prefix
	t.callID = m.ToolCallID
}

// merge joins the texts that stand side by side, and leaves out empty ones.
func merge(parts []Part) (merged []Part) {
	var texts []string
	flush := func() {
		if len(texts) > 0 {
			merged = append(merged, Text(strings.Join(texts, paragraph)))
			texts = texts[:0]
		}
	}
	for _, p := range parts {
		switch {
		case p.IsImage():
			flush()
			merged = append(merged, p)
		case p.Text != "":
			texts = append(texts, p.Text)
		}
	}
	flush()
	return merged
}

// trimSpaces is Python's rstrip(" "): no other white space.
func trimSpaces(s string) string { return strings.TrimRight(s, " ") }
