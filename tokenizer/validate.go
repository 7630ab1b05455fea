package tokenizer

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A Kind is the class of a ValidationError: the name of the exception that
// mistral-common raises.
type Kind string

const (
	InvalidMessageStructure Kind = "InvalidMessageStructureException"
	InvalidUserMessage      Kind = "InvalidUserMessageException"
	InvalidAssistantMessage Kind = "InvalidAssistantMessageException"
	InvalidToolMessage      Kind = "InvalidToolMessageException"
	InvalidSystemPrompt     Kind = "InvalidSystemPromptException"
	InvalidFunctionCall     Kind = "InvalidFunctionCallException"
	InvalidTool             Kind = "InvalidToolException"
	InvalidToolSchema       Kind = "InvalidToolSchemaException"
	InvalidRequest          Kind = "InvalidRequestException"
	TokenizerException      Kind = "TokenizerException"
	ValueError              Kind = "ValueError" // raised by its data classes
)

// A ValidationError is a conversation that this model cannot continue, in the
// words of mistral-common, so that its users recognise them.
type ValidationError struct {
	Kind    Kind
	Message string
}

func (e *ValidationError) Error() string {
	return fmt.Sprintf("tokenizer: chat: %s (%s)", e.Message, e.Kind)
}

func invalid(kind Kind, format string, args ...any) error {
	return &ValidationError{kind, fmt.Sprintf(format, args...)}
}

// classes are the names that messages give to the types of parts.
var classes = map[PartType]string{
	PartText: "TextChunk", PartImage: "ImageChunk", PartImageURL: "ImageURLChunk",
	PartAudio: "AudioChunk", PartAudioURL: "AudioURLChunk", PartThinking: "ThinkChunk",
}

// constructible are the parts with which a message can be made at all, for any
// version of the encoding; mistral_common messages.py, _allowed_content_chunks.
var constructible = map[Role][]PartType{
	RoleSystem:    {PartText, PartAudio, PartThinking},
	RoleUser:      {PartText, PartImage, PartImageURL, PartAudio, PartAudioURL},
	RoleAssistant: {PartText, PartThinking},
	RoleTool:      {PartText, PartImage, PartImageURL, PartAudio, PartAudioURL},
}

// validate follows mistral_common validator.py, MistralRequestValidatorV3, in
// its order, so that of several faults the same one is reported.
func (c *Chat) validate() error {
	for _, m := range c.Messages {
		if err := m.construct(); err != nil {
			return err
		}
	}
	if c.Mode == Serving && c.Model == "" {
		return invalid(InvalidRequest, "Model name parameter is required for serving mode")
	}
	if err := c.structure(); err != nil {
		return err
	}
	for i, m := range c.Messages {
		if err := c.message(m, i == len(c.Messages)-1); err != nil {
			return err
		}
	}
	for _, tool := range c.Tools {
		if err := tool.validate(); err != nil {
			return err
		}
	}
	if c.ReasoningEffort != "" {
		return invalid(InvalidRequest, "reasoning_effort=%s is not supported for this model", reprString(c.ReasoningEffort))
	}
	if c.Truncate {
		return invalid(TokenizerException,
			"encoding a chat completion request with truncation, but no max model len was provided")
	}
	return nil
}

// construct checks what makes a message one: its role, its kinds of parts.
func (m Message) construct() error {
	allowed, ok := constructible[m.Role]
	if !ok {
		return invalid(ValueError, "Unknown message role: %s", m.Role)
	}
	for _, p := range m.Parts {
		class, ok := classes[p.Type]
		if !ok {
			return invalid(ValueError, "Unknown content chunk type: %s", p.Type)
		}
		if !slices.Contains(allowed, p.Type) {
			return invalid(ValueError, "%s cannot be used in %s message.", class, m.Role)
		}
	}
	return nil
}

// message checks the content of one message by its role.
func (c *Chat) message(m Message, last bool) error {
	switch m.Role {
	case RoleUser:
		return m.only(InvalidUserMessage, PartText, PartImage, PartImageURL)
	case RoleAssistant:
		return c.assistant(m, last)
	case RoleTool:
		return m.tool()
	}
	return m.only(InvalidSystemPrompt, PartText)
}

// only checks the kinds of parts against those of this model.
func (m Message) only(kind Kind, allowed ...PartType) error {
	var wrong []string
	for _, p := range m.Parts {
		if !slices.Contains(allowed, p.Type) {
			wrong = append(wrong, "'"+classes[p.Type]+"'")
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.Sort(wrong)
	return invalid(kind, "Unexpected content chunk types in %s message: [%s]",
		m.Role, strings.Join(slices.Compact(wrong), ", "))
}

func (c *Chat) assistant(m Message, last bool) error {
	if err := m.only(InvalidAssistantMessage, PartText); err != nil {
		return err
	}
	if (len(m.Parts) > 0) == (len(m.ToolCalls) > 0) {
		return invalid(InvalidAssistantMessage, "Assistant message must have either content or tool_calls, but not both.")
	}
	for _, call := range m.ToolCalls {
		if err := c.call(call); err != nil {
			return err
		}
	}
	if m.Prefix && !last {
		return invalid(InvalidAssistantMessage, "Assistant message with prefix True must be last message")
	}
	return nil
}

// nullID stands for no id of a call.
const nullID = "null"

// Python's $ also matches before a final line end; hence the \n?.
var (
	functionName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}\n?$`)
	callID       = regexp.MustCompile(`^[a-zA-Z0-9]{9}\n?$`)
)

const (
	badName = "Function name was %s but must be a-z, A-Z, 0-9, or contain underscores and dashes, with a maximum length of 64."
	badID   = "Tool call id was %s but must be a-z, A-Z, 0-9, with a length of 9."
)

func (c *Chat) call(call ToolCall) error {
	switch {
	case call.ID != nullID && !callID.MatchString(call.ID):
		return invalid(InvalidFunctionCall, badID, call.ID)
	case call.ID == nullID && c.Mode == Serving:
		return invalid(InvalidFunctionCall, "Tool call id has to be defined in serving mode.")
	case !functionName.MatchString(call.Name):
		return invalid(InvalidFunctionCall, badName, call.Name)
	}
	return nil
}

func (m Message) tool() error {
	if err := m.only(InvalidToolMessage, PartText); err != nil {
		return err
	}
	switch {
	case m.Name != "" && !functionName.MatchString(m.Name):
		return invalid(InvalidToolMessage, badName, m.Name)
	case m.ToolCallID == "":
		return invalid(InvalidRequest, "Tool call id has to be defined.")
	case !callID.MatchString(m.ToolCallID):
		return invalid(InvalidToolMessage, badID, m.ToolCallID)
	}
	return nil
}

func (t Tool) validate() error {
	schema, err := t.schema()
	if err != nil {
		return err
	}
	if f := schemaFault(schema); f != nil {
		return invalid(InvalidToolSchema, "Invalid tool schema: %s", f)
	}
	if !functionName.MatchString(t.Name) {
		return invalid(InvalidTool, badName, t.Name)
	}
	return nil
}
