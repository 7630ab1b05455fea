package remote

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
)

// A Request is the body of a chat completion. Pointers that are nil are not
// sent: the engine's own default counts.
type Request struct {
	Model       string    `json:"model"`
	Messages    []Message `json:"messages"`
	MaxTokens   int       `json:"max_tokens,omitempty"` // 0 leaves it to the engine
	Temperature *float64  `json:"temperature,omitempty"`
	TopP        *float64  `json:"top_p,omitempty"`
	TopK        *int      `json:"top_k,omitempty"` // not OpenAI's; vLLM, llama.cpp and we know it
	MinP        *float64  `json:"min_p,omitempty"` // likewise
	Seed        *uint64   `json:"seed,omitempty"`
	Stop        []string  `json:"stop,omitempty"`

	Stream        bool           `json:"stream,omitempty"`
	StreamOptions *streamOptions `json:"stream_options,omitempty"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

// A Message is a turn of a conversation.
type Message struct {
	Role  string
	Parts []Part
}

// A Part is a text or, if Image is not nil, an image file.
type Part struct {
	Text  string
	Image []byte
}

// Text returns a text as a part.
func Text(s string) Part { return Part{Text: s} }

// Image returns an image file as a part.
func Image(file []byte) Part { return Part{Image: file} }

type wireMessage struct {
	Role    string `json:"role"`
	Content any    `json:"content"` // a string if it is one text, which every engine takes
}

type wireText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

type wireImage struct {
	Type     string  `json:"type"`
	ImageURL wireURL `json:"image_url"`
}

type wireURL struct {
	URL string `json:"url"`
}

// MarshalJSON writes images as data URIs.
func (m Message) MarshalJSON() ([]byte, error) {
	if len(m.Parts) == 1 && m.Parts[0].Image == nil {
		return json.Marshal(wireMessage{m.Role, m.Parts[0].Text})
	}
	parts := make([]any, len(m.Parts))
	for i, p := range m.Parts {
		if p.Image == nil {
			parts[i] = wireText{"text", p.Text}
			continue
		}
		parts[i] = wireImage{"image_url", wireURL{DataURI(p.Image)}}
	}
	return json.Marshal(wireMessage{m.Role, parts})
}

// DataURI writes a file as a data URI.
func DataURI(file []byte) string {
	return "data:" + http.DetectContentType(file) + ";base64," + base64.StdEncoding.EncodeToString(file)
}
