package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"time"
	"unicode/utf8"

	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

// A completionRequest is the body of a request to go on with texts.
type completionRequest struct {
	Model    string  `json:"model,omitempty" jsonschema_description:"The model's name or an alias; it may be left out."`
	Prompt   prompts `json:"prompt" jsonschema:"required" jsonschema_description:"A text, a list of texts, a list of tokens, or a list of those."`
	Echo     bool    `json:"echo,omitempty" jsonschema_description:"The answer begins with the prompt."`
	LogProbs *int    `json:"logprobs,omitempty" jsonschema:"minimum=0,maximum=20" jsonschema_description:"Tell the log-probability of each token, and of so many others."`

	sampling
}

// prompts are what is to be gone on with: each is a text, or tokens.
type prompts []textPrompt

type textPrompt struct {
	text   string
	tokens []tokenizer.Token // nil for a text
}

const mostPrompts = 64

func (p *prompts) UnmarshalJSON(data []byte) error {
	wrong := bad("prompt", "`prompt` must be a string, a list of strings, a list of tokens, or a list of those.")
	one, err := promptOf(data)
	if err == nil {
		*p = prompts{one}
		return nil
	}
	var list []json.RawMessage
	if json.Unmarshal(data, &list) != nil || len(list) == 0 {
		return wrong
	}
	if len(list) > mostPrompts {
		return bad("prompt", "`prompt` has %d prompts; it may have %d.", len(list), mostPrompts)
	}
	for _, raw := range list {
		if one, err = promptOf(raw); err != nil {
			return wrong
		}
		*p = append(*p, one)
	}
	return nil
}

func promptOf(data []byte) (p textPrompt, err error) {
	if data = bytes.TrimSpace(data); len(data) > 0 && data[0] == '"' {
		return p, json.Unmarshal(data, &p.text)
	}
	if err = json.Unmarshal(data, &p.tokens); err == nil && len(p.tokens) == 0 {
		err = errEmpty
	}
	return p, err
}

var errEmpty = bad("prompt", "`prompt` is empty.")

// A completion is the answer to a completionRequest, whole or a chunk of it.
type completion struct {
	ID      string             `json:"id"`
	Object  string             `json:"object"` // "text_completion"
	Created int64              `json:"created"`
	Model   string             `json:"model"`
	Choices []completionChoice `json:"choices"`
	Usage   *usage             `json:"usage,omitempty"`
}

type completionChoice struct {
	Index        int           `json:"index"`
	Text         string        `json:"text"`
	LogProbs     *textLogProbs `json:"logprobs"`
	FinishReason *string       `json:"finish_reason"`
}

// textLogProbs are the log-probabilities in the older API's form.
type textLogProbs struct {
	Tokens   []string             `json:"tokens"`
	LogProbs []float32            `json:"token_logprobs"`
	Top      []map[string]float32 `json:"top_logprobs"`
	Offset   []int                `json:"text_offset"` // characters
}

func (l *textLogProbs) add(list []tokenLogProb, offset *int) {
	for _, p := range list {
		top := map[string]float32{}
		for _, other := range p.Top {
			top[other.Token] = other.LogProb
		}
		l.Tokens, l.LogProbs, l.Top = append(l.Tokens, p.Token), append(l.LogProbs, p.LogProb), append(l.Top, top)
		l.Offset = append(l.Offset, *offset)
		*offset += utf8.RuneCountInString(p.Token)
	}
}

// completions answers POST /v1/completions.
func (s *Server) completions(w http.ResponseWriter, r *http.Request) error {
	req := new(completionRequest)
	if _, err := s.receive(w, r, req); err != nil {
		return err
	}
	all, err := s.prepareTexts(req, s.o.Keys.client(r))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.o.Timeout)
	defer cancel()
	head := completion{ID: "cmpl-" + rand.Text(), Object: "text_completion", Created: time.Now().Unix(), Model: req.Model}
	if req.Stream {
		return s.streamTexts(ctx, w, r, req, all, head)
	}
	used := new(usage)
	for i, a := range all {
		choices, u, err := s.gather(ctx, a)
		if err != nil {
			return err
		}
		for j := range choices {
			c := completionChoice{Index: i*a.choices + j, Text: choices[j].text.String(), FinishReason: &choices[j].end}
			if req.LogProbs != nil {
				offset := utf8.RuneCountInString(a.lead)
				c.LogProbs = &textLogProbs{}
				c.LogProbs.add(choices[j].logProbs, &offset)
			}
			head.Choices = append(head.Choices, c)
		}
		used.sum(u)
	}
	head.Usage = used
	writeJSON(w, http.StatusOK, head)
	return nil
}

// sum adds the usage of another prompt.
func (u *usage) sum(of *usage) {
	u.PromptTokens += of.PromptTokens
	u.CompletionTokens += of.CompletionTokens
	u.TotalTokens += of.TotalTokens
	u.Details.CachedTokens += of.Details.CachedTokens
}

// prepareTexts makes a request ready for the engine, one for each prompt.
func (s *Server) prepareTexts(req *completionRequest, client string) ([]asked, error) {
	var err error
	if req.Model, err = s.facts.find(req.Model); err != nil {
		return nil, err
	}
	if len(req.Prompt) == 0 {
		return nil, bad("prompt", "`prompt` is missing.")
	}
	if req.MaxTokens == nil {
		sixteen := 16 // OpenAI's default for this API
		req.MaxTokens = &sixteen
	}
	base := asked{choices: or(req.N, 1)}
	if base.Request, err = req.request(s); err != nil {
		return nil, err
	}
	if req.LogProbs != nil {
		if *req.LogProbs < 0 || *req.LogProbs > mostTop {
			return nil, bad("logprobs", "`logprobs` is %d; it must be 0 to %d.", *req.LogProbs, mostTop)
		}
		base.LogProbs, base.TopLogProbs = true, *req.LogProbs
	}
	base.Client = client
	s.bound(&base, &req.sampling)
	all := make([]asked, len(req.Prompt))
	for i, p := range req.Prompt {
		all[i] = base
		all[i].Prompt = model.Prompt{Tokens: p.tokens}
		if p.tokens == nil {
			all[i].Prompt.Tokens = s.facts.tokenizer.EncodePrompt(p.text)
		}
		if err := s.facts.config.Check(all[i].Prompt); err != nil {
			return nil, bad("prompt", "%s.", cause(err))
		}
		if n := len(all[i].Prompt.Tokens); n >= s.o.Context {
			e := asAPI(&model.ContextError{Tokens: n, Fits: s.o.Context - 1})
			e.Param = "prompt"
			return nil, e
		}
		if req.Echo {
			if all[i].lead = p.text; p.tokens != nil {
				all[i].lead, _ = s.facts.tokenizer.Decode(p.tokens, tokenizer.IgnoreSpecial)
			}
		}
	}
	return all, nil
}

// streamTexts answers piece by piece, one prompt after the other.
func (s *Server) streamTexts(ctx context.Context, w http.ResponseWriter, r *http.Request, req *completionRequest, all []asked, head completion) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out, used := newStream(w, s.o.WriteTimeout), new(usage)
	go out.watch()
	var err error
	for i, a := range all {
		if err != nil {
			break
		}
		offsets, u := make([]int, a.choices), new(usage)
		err = s.answer(ctx, a, func(d delta) error {
			c := completionChoice{Index: i*a.choices + d.choice, Text: d.text}
			if d.logProbs == nil {
				offsets[d.choice] += utf8.RuneCountInString(d.text)
			} else {
				c.LogProbs = &textLogProbs{}
				c.LogProbs.add(d.logProbs, &offsets[d.choice])
			}
			if d.end != "" {
				c.FinishReason = &d.end
				u.add(d.usage)
			}
			chunk := head
			chunk.Choices = []completionChoice{c}
			return out.send(chunk)
		})
		used.sum(u)
	}
	if err == nil && req.StreamOptions != nil && req.StreamOptions.IncludeUsage {
		head.Choices, head.Usage = []completionChoice{}, used
		err = out.send(head)
	}
	return out.end(r, err)
}
