package web

import (
	"encoding/json"
	"slices"

	"pixtral-wgpu/tokenizer"
)

// A chatRequest is the body of a request to answer a conversation: OpenAI's,
// with what Mistral and vLLM add to it. Messages and tools are read by the
// tokenizer.
type chatRequest struct {
	Model      string          `json:"model,omitempty" jsonschema_description:"The model's name or an alias; it may be left out."`
	Messages   json.RawMessage `json:"messages" jsonschema:"required" jsonschema_description:"The conversation: roles system, developer, user, assistant and tool; contents are texts or lists of parts text, image_url (a string or an object; data, http, https or file URL) and image (base64)."`
	Tools      json.RawMessage `json:"tools,omitempty" jsonschema_description:"Functions that the model may call."`
	ToolChoice *toolChoice     `json:"tool_choice,omitempty" jsonschema_description:"auto, none, any, required, or a function by name."`
	Parallel   *bool           `json:"parallel_tool_calls,omitempty" jsonschema_description:"False allows one call an answer."`

	ResponseFormat *responseFormat `json:"response_format,omitempty" jsonschema_description:"Forces the answer to be JSON, or JSON of a schema."`
	GuidedJSON     json.RawMessage `json:"guided_json,omitempty" jsonschema_description:"vLLM's way to give a schema."`
	GuidedRegex    string          `json:"guided_regex,omitempty" jsonschema_description:"vLLM: the answer matches this expression."`
	GuidedChoice   []string        `json:"guided_choice,omitempty" jsonschema_description:"vLLM: the answer is one of these texts."`

	MaxCompletionTokens *int  `json:"max_completion_tokens,omitempty" jsonschema:"minimum=1" jsonschema_description:"OpenAI's new name of max_tokens."`
	LogProbs            bool  `json:"logprobs,omitempty" jsonschema_description:"Tell the log-probability of each token."`
	TopLogProbs         *int  `json:"top_logprobs,omitempty" jsonschema:"minimum=0,maximum=20" jsonschema_description:"And those of so many of the likeliest."`
	SafePrompt          bool  `json:"safe_prompt,omitempty" jsonschema_description:"Begin with Mistral's safety prompt."`
	ReturnTokenIDs      bool  `json:"return_token_ids,omitempty" jsonschema_description:"Tell the ids of the answer's tokens too, as vLLM does."`
	ContinueFinal       bool  `json:"continue_final_message,omitempty" jsonschema_description:"Go on with the last message, the assistant's."`
	Echo                bool  `json:"echo,omitempty" jsonschema_description:"With continue_final_message: the answer begins with that message."`
	Modalities          texts `json:"modalities,omitempty" jsonschema_description:"Only text."`
	ReasoningEffort     any   `json:"reasoning_effort,omitempty" jsonschema_description:"This model does not reason: none, or left out."`

	sampling
}

// A toolChoice says whether tools must be called.
type toolChoice struct {
	Mode string // "auto", "none" or "required"
	Name string // of the one function to call; Mode is "required" then
}

func (c *toolChoice) UnmarshalJSON(data []byte) error {
	wrong := bad("tool_choice", "`tool_choice` must be \"auto\", \"none\", \"required\", \"any\" or {\"type\": \"function\", \"function\": {\"name\": …}}.")
	var mode string
	if json.Unmarshal(data, &mode) == nil {
		switch mode {
		case "": // null
			mode = "auto"
		case "any":
			mode = "required"
		}
		if !slices.Contains([]string{"auto", "none", "required"}, mode) {
			return wrong
		}
		c.Mode = mode
		return nil
	}
	var o struct {
		Type     *string `json:"type"`
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	if json.Unmarshal(data, &o) != nil || o.Type != nil && *o.Type != "function" || o.Function.Name == "" {
		return wrong
	}
	c.Mode, c.Name = "required", o.Function.Name
	return nil
}

// A responseFormat says what the answer must be.
type responseFormat struct {
	Type       string `json:"type" jsonschema:"required,enum=text,enum=json_object,enum=json_schema"`
	JSONSchema *struct {
		Name        string          `json:"name,omitempty"`
		Description string          `json:"description,omitempty"`
		Schema      json.RawMessage `json:"schema,omitempty"`
		Strict      *bool           `json:"strict,omitempty" jsonschema_description:"The schema is always enforced."`
	} `json:"json_schema,omitempty"`
}

// safePrompt is what Mistral's API puts before a conversation for safe_prompt;
// docs.mistral.ai, "Guardrailing".
const safePrompt = "Always assist with care, respect, and truth. Respond with utmost utility yet securely. " +
	"Avoid harmful, unethical, prejudiced, or negative content. Ensure replies promote fairness and positivity."

// conversation reads the messages and tools of a request.
func (s *Server) conversation(body []byte, req *chatRequest) (*tokenizer.Chat, error) {
	chat, err := tokenizer.ParseChat(body)
	if err != nil {
		return nil, chatError(err)
	}
	if chat.Model, err = s.facts.find(req.Model); err != nil {
		return nil, err
	}
	if effort, _ := req.ReasoningEffort.(string); effort == "none" {
		chat.ReasoningEffort = ""
	}
	if req.SafePrompt {
		chat.Messages = append([]tokenizer.Message{tokenizer.SystemMessage(safePrompt)}, chat.Messages...)
	}
	for i := range chat.Messages {
		shortenIDs(&chat.Messages[i])
	}
	return chat, nil
}
