package web

import (
	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

// A chatCompletion is the answer to a chatRequest that is not streamed.
type chatCompletion struct {
	ID      string       `json:"id"`
	Object  string       `json:"object"` // "chat.completion"
	Created int64        `json:"created"`
	Model   string       `json:"model"`
	Choices []chatChoice `json:"choices"`
	Usage   *usage       `json:"usage"`
}

type chatChoice struct {
	Index        int         `json:"index"`
	Message      chatMessage `json:"message"`
	LogProbs     *logProbs   `json:"logprobs"`
	FinishReason string      `json:"finish_reason"` // "stop", "length" or "tool_calls"

	TokenIDs []tokenizer.Token `json:"token_ids,omitempty"` // with return_token_ids
}

type chatMessage struct {
	Role      string     `json:"role"`
	Content   *string    `json:"content"` // null if there are calls instead
	ToolCalls []toolCall `json:"tool_calls,omitempty"`
}

// A toolCall is the model's wish to have a function run.
type toolCall struct {
	Index    int          `json:"index"`
	ID       string       `json:"id"`
	Type     string       `json:"type"` // "function"
	Function functionCall `json:"function"`
}

type functionCall struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"` // JSON
}

// A chatChunk is a piece of a streamed answer.
type chatChunk struct {
	ID      string        `json:"id"`
	Object  string        `json:"object"` // "chat.completion.chunk"
	Created int64         `json:"created"`
	Model   string        `json:"model"`
	Choices []chunkChoice `json:"choices"`
	Usage   *usage        `json:"usage,omitempty"`
}

type chunkChoice struct {
	Index        int        `json:"index"`
	Delta        chunkDelta `json:"delta"`
	LogProbs     *logProbs  `json:"logprobs,omitempty"`
	FinishReason *string    `json:"finish_reason"`

	TokenIDs []tokenizer.Token `json:"token_ids,omitempty"` // with return_token_ids
}

type chunkDelta struct {
	Role      string     `json:"role,omitempty"`
	Content   *string    `json:"content,omitempty"`
	ToolCalls []toolCall `json:"tool_calls,omitempty"`
}

// usage counts tokens.
type usage struct {
	PromptTokens     int          `json:"prompt_tokens"`
	CompletionTokens int          `json:"completion_tokens"`
	TotalTokens      int          `json:"total_tokens"`
	Details          usageDetails `json:"prompt_tokens_details"`
}

type usageDetails struct {
	CachedTokens int `json:"cached_tokens"`
	ImageTokens  int `json:"image_tokens"`
}

// add counts a choice. All choices of a request have the same prompt.
func (u *usage) add(of model.Usage) {
	u.PromptTokens = of.PromptTokens
	u.CompletionTokens += of.CompletionTokens
	u.TotalTokens = u.PromptTokens + u.CompletionTokens
	u.Details = usageDetails{max(u.Details.CachedTokens, of.CachedTokens), of.ImageTokens}
}

// logProbs are the log-probabilities of an answer's tokens.
type logProbs struct {
	Content []tokenLogProb `json:"content"`
}

type tokenLogProb struct {
	topLogProb
	Top []topLogProb `json:"top_logprobs"`
}

type topLogProb struct {
	Token   string  `json:"token"`
	LogProb float32 `json:"logprob"`
	Bytes   []int   `json:"bytes"` // a token may be a part of a character
}

// unlikely stands for the logarithm of nothing, which JSON has no number for;
// OpenAI's API writes it so.
const unlikely = -9999

func topOf(t tokenizer.Tokenizer, tok tokenizer.Token, logProb float32) topLogProb {
	p := topLogProb{Token: t.Name(tok), LogProb: max(logProb, unlikely), Bytes: []int{}}
	if text := t.Bytes(tok); text != nil {
		p.Token = string([]rune(string(text)))
		for _, b := range text {
			p.Bytes = append(p.Bytes, int(b))
		}
	}
	return p
}

func logProbOf(t tokenizer.Tokenizer, tok tokenizer.Token, logProb float32, top []model.LogProb) tokenLogProb {
	p := tokenLogProb{topOf(t, tok, logProb), make([]topLogProb, len(top))}
	for i, other := range top {
		p.Top[i] = topOf(t, other.Token, other.LogProb)
	}
	return p
}
