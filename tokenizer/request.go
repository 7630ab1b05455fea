package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
)

// The wire types are the part of a chat-completion request that becomes tokens;
// mistral_common request.py, messages.py and chunk.py, spec §8. How to sample is
// for others to read.
type (
	wireChat struct {
		Model           string        `json:"model"`
		Messages        []wireMessage `json:"messages"`
		Tools           []wireTool    `json:"tools"`
		ContinueFinal   bool          `json:"continue_final_message"`
		Truncate        bool          `json:"truncate_for_context_length"`
		ReasoningEffort string        `json:"reasoning_effort"`
	}
	wireMessage struct {
		Role       string          `json:"role"`
		Content    json.RawMessage `json:"content"`
		ToolCalls  []wireCall      `json:"tool_calls"`
		Prefix     bool            `json:"prefix"`
		ToolCallID string          `json:"tool_call_id"`
		Name       string          `json:"name"`
	}
	wirePart struct {
		Type     string          `json:"type"`
		Text     *string         `json:"text"`
		Image    *string         `json:"image"`
		ImageURL json.RawMessage `json:"image_url"`
	}
	wireTool struct {
		Type     *string `json:"type"`
		Function *struct {
			Name        string          `json:"name"`
			Description string          `json:"description"`
			Parameters  json.RawMessage `json:"parameters"`
		} `json:"function"`
	}
	wireCall struct {
		ID       *string `json:"id"`
		Type     *string `json:"type"`
		Function *struct {
			Name      string          `json:"name"`
			Arguments json.RawMessage `json:"arguments"`
		} `json:"function"`
	}
)

// ParseChat reads the body of a chat-completion request. Fields that do not
// become tokens are left unread; messages and parts of an unknown kind are
// errors. Whether the conversation makes sense is for EncodeChat to say.
func ParseChat(body []byte) (*Chat, error) {
	var w wireChat
	if err := json.Unmarshal(body, &w); err != nil {
		return nil, fmt.Errorf("tokenizer: chat: %w", err)
	}
	chat := &Chat{
		Model:           w.Model,
		ContinueFinal:   w.ContinueFinal,
		Truncate:        w.Truncate,
		ReasoningEffort: w.ReasoningEffort,
	}
	for i, m := range w.Messages {
		message, err := m.message()
		if err != nil {
			return nil, fmt.Errorf("tokenizer: chat: messages[%d]: %w", i, err)
		}
		chat.Messages = append(chat.Messages, message)
	}
	for i, t := range w.Tools {
		if t.Function == nil || !isFunction(t.Type) {
			return nil, fmt.Errorf(`tokenizer: chat: tools[%d]: want {"type": "function", "function": {…}}`, i)
		}
		f := t.Function
		chat.Tools = append(chat.Tools, Tool{Name: f.Name, Description: f.Description, Parameters: notNull(f.Parameters)})
	}
	return chat, nil
}

func (m wireMessage) message() (Message, error) {
	role := Role(m.Role)
	if role == "developer" { // OpenAI's newer name
		role = RoleSystem
	}
	if _, ok := constructible[role]; !ok {
		return Message{}, fmt.Errorf("role is %q, want system, user, assistant or tool", m.Role)
	}
	message := Message{Role: role, Prefix: m.Prefix, ToolCallID: m.ToolCallID, Name: m.Name}
	var err error
	if message.Parts, err = parts(role, notNull(m.Content)); err != nil {
		return Message{}, err
	}
	for i, c := range m.ToolCalls {
		call, err := c.call()
		if err != nil {
			return Message{}, fmt.Errorf("tool_calls[%d]: %w", i, err)
		}
		message.ToolCalls = append(message.ToolCalls, call)
	}
	return message, nil
}

// parts reads the content of a message: a text or a list of parts. Only an
// assistant who calls tools has none.
func parts(role Role, raw json.RawMessage) ([]Part, error) {
	switch {
	case raw == nil && role == RoleAssistant:
		return nil, nil
	case raw == nil && role == RoleSystem:
		return nil, invalid(InvalidSystemPrompt, "System prompt must have content")
	case raw == nil:
		return nil, fmt.Errorf("content of a %s message is missing", role)
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return oneText(text), nil
	}
	var list []wirePart
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("content is neither text nor a list of parts: %w", err)
	}
	var all []Part
	for i, w := range list {
		part, err := w.part()
		if err != nil {
			return nil, fmt.Errorf("content[%d]: %w", i, err)
		}
		all = append(all, part)
	}
	return all, nil
}

func (w wirePart) part() (Part, error) {
	part := Part{Type: PartType(w.Type)}
	switch part.Type {
	case PartText:
		if w.Text == nil {
			return Part{}, errors.New(`a part of type "text" needs a "text"`)
		}
		part.Text = *w.Text
	case PartImage:
		if w.Image == nil {
			return Part{}, errors.New(`a part of type "image" needs an "image" in base64`)
		}
		part.Source = *w.Image
	case PartImageURL:
		url, err := imageURL(w.ImageURL)
		if err != nil {
			return Part{}, err
		}
		part.Source = url
	case PartAudio, PartAudioURL, PartThinking: // known, and refused with everything else by validate
	default:
		return Part{}, fmt.Errorf(`type is %q, want "text", "image" or "image_url"`, w.Type)
	}
	return part, nil
}

// imageURL reads a URL or {"url": …, "detail": …}.
func imageURL(raw json.RawMessage) (string, error) {
	var url string
	if notNull(raw) != nil && json.Unmarshal(raw, &url) == nil {
		return url, nil
	}
	var o struct {
		URL *string `json:"url"`
	}
	if json.Unmarshal(orNull(raw), &o) != nil || o.URL == nil {
		return "", errors.New(`a part of type "image_url" needs an "image_url": a string or {"url": …}`)
	}
	return *o.URL, nil
}

// call reads a call of a tool. Arguments are JSON in a string, or as they are.
func (c wireCall) call() (ToolCall, error) {
	if c.Function == nil || !isFunction(c.Type) {
		return ToolCall{}, errors.New(`want {"type": "function", "function": {…}}`)
	}
	call := ToolCall{ID: nullID, Name: c.Function.Name}
	if c.ID != nil {
		call.ID = *c.ID
	}
	raw := notNull(c.Function.Arguments)
	switch {
	case raw == nil:
	case json.Unmarshal(raw, &call.Arguments) == nil:
	case raw[0] == '{':
		call.Arguments = string(raw)
	default:
		return ToolCall{}, errors.New("arguments are neither a string nor an object")
	}
	return call, nil
}

// isFunction reports whether a tool's type is the only one there is.
func isFunction(t *string) bool { return t == nil || *t == "function" }

// notNull returns nil for a value that is missing or null.
func notNull(raw json.RawMessage) json.RawMessage {
	if string(raw) == "null" {
		return nil
	}
	return raw
}
