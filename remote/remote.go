// Package remote speaks to any engine behind an OpenAI-compatible endpoint:
// vLLM, llama.cpp's server, La Plateforme, or this program's own server.
package remote

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/tmaxmax/go-sse"
)

// Options say where an engine is; BaseURL is needed, the rest may be zero.
type Options struct {
	BaseURL   string            // with or without the /v1 at its end
	APIKey    string            // sent as a bearer token
	Model     string            // "" asks the engine for its only model
	Retries   int               // of requests that failed on the way or with 408, 429 and 5xx; 0 means 2, -1 none
	Transport http.RoundTripper // nil means the network
}

// A Client asks one model of an engine. It is safe for concurrent use.
type Client struct {
	base, key string
	http      *retryablehttp.Client

	mu    sync.Mutex
	model string
}

// New makes a client; it asks nothing yet.
func New(o Options) (*Client, error) {
	u, err := url.Parse(o.BaseURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("endpoint %q: it is a URL such as http://localhost:8000", o.BaseURL)
	}
	c := retryablehttp.NewClient()
	c.Logger = nil
	c.RetryMax = max(0, cmp.Or(o.Retries, 2))
	c.RetryWaitMin, c.RetryWaitMax = 500*time.Millisecond, 10*time.Second
	c.ErrorHandler = retryablehttp.PassthroughErrorHandler // the engine's own words, also after the last try
	if o.Transport != nil {
		c.HTTPClient = &http.Client{Transport: o.Transport}
	}
	base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimRight(o.BaseURL, "/"), "/v1"), "/")
	return &Client{base: base + "/v1", key: o.APIKey, model: o.Model, http: c}, nil
}

// URL returns where the engine is, without the key.
func (c *Client) URL() string { return strings.TrimSuffix(c.base, "/v1") }

// Models lists the names of the engine's models.
func (c *Client) Models(ctx context.Context) ([]string, error) {
	res, err := c.do(ctx, http.MethodGet, "/models", nil)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var list struct{ Data []struct{ ID string } }
	if err := json.NewDecoder(res.Body).Decode(&list); err != nil {
		return nil, fmt.Errorf("endpoint %s: the list of models is not JSON: %w", c.URL(), err)
	}
	var names []string
	for _, m := range list.Data {
		names = append(names, m.ID)
	}
	return names, nil
}

// Model returns the name of the model that is asked: the one of Options, or
// the engine's only one.
func (c *Client) Model(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.model != "" {
		return c.model, nil
	}
	names, err := c.Models(ctx)
	switch {
	case err != nil:
		return "", err
	case len(names) == 0:
		return "", fmt.Errorf("endpoint %s has no model", c.URL())
	case len(names) > 1:
		return "", fmt.Errorf("endpoint %s has several models; say which: %s", c.URL(), strings.Join(names, ", "))
	}
	c.model = names[0]
	return c.model, nil
}

// Usage counts tokens, as the engine tells it.
type Usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
}

// A Reply is an answer. FirstToken is how long it took to begin, zero if it
// came in one piece.
type Reply struct {
	Text         string
	FinishReason string
	Usage        Usage
	FirstToken   time.Duration
	Took         time.Duration
}

// Chat asks for an answer. With emit it comes piece by piece; an error of emit
// ends it and is returned. With an error the Reply holds what came before it.
func (c *Client) Chat(ctx context.Context, req Request, emit func(piece string) error) (*Reply, error) {
	model, err := c.Model(ctx)
	if err != nil {
		return &Reply{}, err
	}
	req.Model = model
	req.Stream = emit != nil
	if req.Stream {
		req.StreamOptions = &streamOptions{IncludeUsage: true}
	}
	body, err := json.Marshal(req)
	if err != nil {
		return &Reply{}, fmt.Errorf("endpoint %s: %w", c.URL(), err)
	}
	start := time.Now()
	res, err := c.do(ctx, http.MethodPost, "/chat/completions", body)
	if err != nil {
		return &Reply{}, err
	}
	defer res.Body.Close()
	reply := &Reply{}
	if req.Stream {
		err = c.stream(res.Body, reply, start, emit)
	} else {
		err = c.whole(res.Body, reply)
	}
	reply.Took = time.Since(start)
	return reply, err
}

// completion is an answer as the wire has it, whole or a piece of one.
type completion struct {
	Choices []struct {
		Message      struct{ Content *string } `json:"message"`
		Delta        struct{ Content *string } `json:"delta"`
		FinishReason *string                   `json:"finish_reason"`
	} `json:"choices"`
	Usage *Usage          `json:"usage"`
	Error json.RawMessage `json:"error"`
}

func (c *Client) whole(r io.Reader, reply *Reply) error {
	var got completion
	if err := json.NewDecoder(r).Decode(&got); err != nil {
		return fmt.Errorf("endpoint %s: the answer is not JSON: %w", c.URL(), err)
	}
	if len(got.Choices) == 0 || got.Choices[0].Message.Content == nil {
		return fmt.Errorf("endpoint %s: the answer has no text", c.URL())
	}
	reply.Text = *got.Choices[0].Message.Content
	reply.note(got)
	return nil
}

func (c *Client) stream(r io.Reader, reply *Reply, start time.Time, emit func(string) error) error {
	for event, err := range sse.Read(r, &sse.ReadConfig{MaxEventSize: 1 << 20}) {
		if err != nil {
			return fmt.Errorf("endpoint %s: the answer broke off: %w", c.URL(), err)
		}
		if event.Data == "[DONE]" {
			return nil
		}
		var got completion
		if err := json.Unmarshal([]byte(event.Data), &got); err != nil {
			return fmt.Errorf("endpoint %s: a piece of the answer is not JSON: %w", c.URL(), err)
		}
		if len(got.Error) > 0 && string(got.Error) != "null" {
			return fmt.Errorf("endpoint %s: %s", c.URL(), Cause([]byte(event.Data)))
		}
		if len(got.Choices) > 0 && got.Choices[0].Delta.Content != nil && *got.Choices[0].Delta.Content != "" {
			if reply.FirstToken == 0 {
				reply.FirstToken = time.Since(start)
			}
			reply.Text += *got.Choices[0].Delta.Content
			if err := emit(*got.Choices[0].Delta.Content); err != nil {
				return err
			}
		}
		reply.note(got)
	}
	if reply.FinishReason == "" {
		return fmt.Errorf("endpoint %s: the answer broke off", c.URL())
	}
	return nil
}

// note keeps what a piece says about the whole answer.
func (r *Reply) note(got completion) {
	if len(got.Choices) > 0 && got.Choices[0].FinishReason != nil {
		r.FinishReason = *got.Choices[0].FinishReason
	}
	if got.Usage != nil {
		r.Usage = *got.Usage
	}
}

// An Error is an engine's refusal.
type Error struct {
	URL    string
	Status int
	Cause  string // in the engine's words
}

func (e *Error) Error() string {
	return fmt.Sprintf("endpoint %s: %d %s: %s", e.URL, e.Status, http.StatusText(e.Status), e.Cause)
}

// A Raw is a response as it came, be it a refusal.
type Raw struct {
	Status    int
	RequestID string // "" if the engine gives none
	Body      []byte
}

// mostRaw is the longest response that is read.
const mostRaw = 256 << 20

// Post sends a request as it is to a path such as /v1/chat/completions.
func (c *Client) Post(ctx context.Context, path string, body []byte) (*Raw, error) {
	res, err := c.send(ctx, http.MethodPost, strings.TrimPrefix(path, "/v1"), body)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	said, err := io.ReadAll(io.LimitReader(res.Body, mostRaw+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("endpoint %s: the answer broke off: %w", c.URL(), err)
	case len(said) > mostRaw:
		return nil, fmt.Errorf("endpoint %s: the answer is longer than %d MiB", c.URL(), mostRaw>>20)
	}
	return &Raw{res.StatusCode, res.Header.Get("X-Request-Id"), said}, nil
}

// do sends a request and wants it done.
func (c *Client) do(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	res, err := c.send(ctx, method, path, body)
	if err != nil || res.StatusCode/100 == 2 {
		return res, err
	}
	defer res.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(res.Body, 1<<16))
	return nil, &Error{URL: c.URL(), Status: res.StatusCode, Cause: Cause(said)}
}

func (c *Client) send(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	var reader any // a nil []byte would be a body
	if body != nil {
		reader = bytes.NewReader(body)
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, method, c.base+path, reader)
	if err != nil {
		return nil, fmt.Errorf("endpoint %s: %w", c.URL(), err)
	}
	req.Header.Set("Content-Type", "application/json")
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	res, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var wire *url.Error
		if errors.As(err, &wire) {
			err = wire.Err
		}
		return nil, fmt.Errorf("endpoint %s does not answer: %w", c.URL(), err)
	}
	return res, nil
}

// Cause finds an engine's words in an error: OpenAI's and vLLM's
// {"error":{"message"}}, llama.cpp's {"error":"..."}, older vLLM's
// {"message"}, Mistral's {"detail"}, or whatever it is.
func Cause(body []byte) string {
	var wire struct {
		Error   json.RawMessage `json:"error"`
		Message any             `json:"message"`
		Detail  json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(body, &wire) == nil {
		var inner struct{ Message string }
		var text string
		switch {
		case json.Unmarshal(wire.Error, &inner) == nil && inner.Message != "":
			return inner.Message
		case json.Unmarshal(wire.Error, &text) == nil && text != "":
			return text
		case wire.Message != nil:
			return fmt.Sprint(wire.Message)
		case len(wire.Detail) > 0:
			return string(wire.Detail)
		}
	}
	const most = 300
	text := []rune(strings.TrimSpace(string(body)))
	if len(text) > most {
		text = append(text[:most], '…')
	}
	return cmp.Or(string(text), "no cause given")
}
