package tokenizer

import "encoding/json"

// A Role says who speaks.
type Role string

const (
	RoleSystem    Role = "system"
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
	RoleTool      Role = "tool"
)

// A PartType is the kind of a piece of content, as the request schema names it.
type PartType string

const (
	PartText     PartType = "text"
	PartImage    PartType = "image"       // base64 of an encoded image file
	PartImageURL PartType = "image_url"   // data:, file: or http URL
	PartAudio    PartType = "input_audio" // known by name, refused by this model
	PartAudioURL PartType = "audio_url"   // likewise
	PartThinking PartType = "thinking"    // likewise
)

// A Part is a piece of a message: text or an image.
type Part struct {
	Type   PartType
	Text   string // if Type is PartText
	Source string // where an image comes from; EncodeChat does not look at it
}

// Text returns a part of text.
func Text(s string) Part { return Part{Type: PartText, Text: s} }

// Image returns a part that is an image. Its source, say a URL or a file's
// name, is for whoever loads it.
func Image(source string) Part { return Part{Type: PartImageURL, Source: source} }

// IsImage reports whether the part is an image.
func (p Part) IsImage() bool { return p.Type == PartImage || p.Type == PartImageURL }

// A Message is one turn of a conversation. Empty content is no parts at all.
type Message struct {
	Role       Role
	Parts      []Part
	ToolCalls  []ToolCall // of the assistant, instead of content
	Prefix     bool       // the assistant's answer begins so: it is continued, not ended
	ToolCallID string     // of a tool's result: the call it answers
	Name       string     // of the tool; not encoded
}

// UserMessage returns a turn of the user.
func UserMessage(parts ...Part) Message { return Message{Role: RoleUser, Parts: parts} }

// SystemMessage returns a system prompt.
func SystemMessage(text string) Message { return Message{Role: RoleSystem, Parts: oneText(text)} }

// AssistantMessage returns an answer given earlier.
func AssistantMessage(text string) Message {
	return Message{Role: RoleAssistant, Parts: oneText(text)}
}

// ToolMessage returns the result of a tool for the call with that id.
func ToolMessage(id, result string) Message {
	return Message{Role: RoleTool, Parts: oneText(result), ToolCallID: id}
}

func oneText(s string) []Part {
	if s == "" {
		return nil
	}
	return []Part{Text(s)}
}

// A ToolCall is the assistant's wish to have a function run.
type ToolCall struct {
	ID        string // nine letters or digits; "null" if it has none
	Name      string
	Arguments string // JSON; "" means {}
}

// A Tool is a function the assistant may call.
type Tool struct {
	Name        string
	Description string
	Parameters  json.RawMessage // JSON Schema, draft 7; nil means {}
}

// A Mode says how strictly a conversation is checked; mistral-common calls it
// ValidationMode.
type Mode int

const (
	Serving Mode = iota // a request to be answered: needs a model's name and all results of tools
	Test                // as mistral-common's own tests and MistralTokenizer.v3() do
)

// A Chat is a conversation to be answered.
type Chat struct {
	Model           string // the name the request asks for; Serving wants one
	Messages        []Message
	Tools           []Tool
	ContinueFinal   bool   // the last message, the assistant's, is to be continued
	Truncate        bool   // truncate_for_context_length: not possible with this encoding
	ReasoningEffort string // must be empty for this model
	Mode            Mode
}

// Images returns the images of the conversation in order. EncodeChat wants
// their grids in the same order.
func (c *Chat) Images() []Part {
	var images []Part
	for _, m := range c.Messages {
		for _, p := range m.Parts {
			if p.IsImage() {
				images = append(images, p)
			}
		}
	}
	return images
}
