package tokenizer

import "strings"

// A turn is a message as it is encoded: neighbours of the same role are one.
type turn struct {
	role   Role
	parts  []Part // no empty text, no two texts side by side
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
				prompts = append(prompts, join(turn{parts: appendParts(nil, m.Parts)}))
			}
		// A system prompt between two messages of a role keeps them apart.
		case m.Role != RoleTool && i > 0 && messages[i-1].Role == m.Role:
			turns[len(turns)-1].add(m)
		default:
			turns = append(turns, turn{role: m.Role})
			turns[len(turns)-1].add(m)
		}
	}
	if len(turns) == 0 || turns[0].role != RoleUser {
		turns = append([]turn{{role: RoleUser}}, turns...)
	}
	return strings.Join(prompts, paragraph), turns
}

// paragraph is what joins texts that stood apart; normalize.py, _DEFAULT_JOIN_STR.
const paragraph = "\n\n"

func (t *turn) add(m Message) {
	t.parts = appendParts(t.parts, m.Parts)
	t.calls = append(t.calls, m.ToolCalls...)
	t.prefix = t.prefix || m.Prefix
	t.callID = m.ToolCallID
}

// appendParts appends content to content and joins the texts that meet.
func appendParts(parts, more []Part) []Part {
	for _, p := range more {
		last := len(parts) - 1
		switch {
		case p.IsImage():
			parts = append(parts, p)
		case p.Text == "":
		case last >= 0 && !parts[last].IsImage():
			parts[last].Text += paragraph + p.Text
		default:
			parts = append(parts, Text(p.Text))
		}
	}
	return parts
}

func join(t turn) string {
	text, _ := t.text()
	return text
}

// trimSpaces is Python's rstrip(" "): no other white space.
func trimSpaces(s string) string { return strings.TrimRight(s, " ") }
