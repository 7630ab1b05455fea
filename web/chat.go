package web

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

// chat answers POST /v1/chat/completions.
func (s *Server) chat(w http.ResponseWriter, r *http.Request) error {
	req := new(chatRequest)
	body, err := s.receive(w, r, req)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.o.Timeout)
	defer cancel()
	a, err := s.prepare(ctx, body, req)
	if err != nil {
		return err
	}
	a.Client = s.o.Keys.client(r)
	head := completionHead{ID: "chatcmpl-" + rand.Text(), Created: time.Now().Unix(), Model: req.Model}
	entryOf(r).note("prompt_tokens", len(a.Prompt.Tokens))
	entryOf(r).note("images", len(a.Prompt.Images))
	if req.Stream {
		return s.streamChat(ctx, w, r, req, a, head)
	}
	all, used, err := s.gather(ctx, a)
	if err != nil {
		return err
	}
	entryOf(r).note("completion_tokens", used.CompletionTokens)
	writeJSON(w, http.StatusOK, head.chat(all, used, req.LogProbs))
	return nil
}

// prepare makes a request ready for the engine. What is wrong with it is known
// before any image is fetched.
func (s *Server) prepare(ctx context.Context, body []byte, req *chatRequest) (a asked, err error) {
	if a, err = s.chatSampling(req); err != nil {
		return a, err
	}
	chat, err := s.conversation(body, req)
	if err != nil {
		return a, err
	}
	req.Model = chat.Model
	if err := s.constrain(&a, req, chat); err != nil {
		return a, err
	}
	if last := len(chat.Messages) - 1; req.Echo || last >= 0 && chat.Messages[last].Prefix {
		a.lead = req.begun(chat) // Mistral's answers begin with the prefix
	}
	a.Prompt, err = s.prompt(ctx, chat)
	return a, err
}

// prompt makes the prompt of a conversation. A conversation that cannot be
// encoded is found out before its images are.
func (s *Server) prompt(ctx context.Context, chat *tokenizer.Chat) (model.Prompt, error) {
	dots := make([]tokenizer.Grid, len(chat.Images()))
	for i := range dots {
		dots[i] = tokenizer.Grid{Cols: 1, Rows: 1}
	}
	if _, err := s.facts.tokenizer.EncodeChat(chat, dots); err != nil {
		return model.Prompt{}, chatError(err)
	}
	images, err := s.media.images(ctx, chat)
	if err != nil {
		return model.Prompt{}, err
	}
	prompt, err := s.engine.Model().EncodeChat(chat, images)
	if err != nil {
		return model.Prompt{}, chatError(err)
	}
	if n := len(prompt.Tokens); n >= s.o.Context {
		return prompt, &model.ContextError{Tokens: n, Fits: s.o.Context - 1}
	}
	return prompt, nil
}

// chatSampling reads how the answer is to be picked.
func (s *Server) chatSampling(req *chatRequest) (a asked, err error) {
	if req.MaxCompletionTokens != nil {
		if *req.MaxCompletionTokens < 1 {
			return a, bad("max_completion_tokens", "`max_completion_tokens` is %d; it must be 1 or more.", *req.MaxCompletionTokens)
		}
		req.MaxTokens = req.MaxCompletionTokens
	}
	if a.Request, err = req.request(s); err != nil {
		return a, err
	}
	switch top := or(req.TopLogProbs, 0); {
	case top < 0 || top > mostTop:
		return a, bad("top_logprobs", "`top_logprobs` is %d; it must be 0 to %d.", top, mostTop)
	case top > 0 && !req.LogProbs:
		return a, bad("top_logprobs", "`top_logprobs` needs `logprobs: true`.")
	default:
		a.LogProbs, a.TopLogProbs = req.LogProbs, top
	}
	for _, m := range req.Modalities {
		if m != "text" {
			return a, bad("modalities", "The model answers with text, not with %s.", quote(m))
		}
	}
	a.choices, a.ids = or(req.N, 1), req.ReturnTokenIDs
	return a, nil
}

// inMessage is where the tokenizer says a conversation is wrong.
var inMessage = regexp.MustCompile(`^(messages|tools)\[\d+\]`)

// chatError puts what the tokenizer says of a conversation into the API's shape.
func chatError(err error) error {
	if api := asAPI(err); api.Status < 500 {
		return api
	}
	text := cause(err)
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		text = strings.Replace(text, strings.TrimSuffix(kind.Error(), "."), mistyped(kind), 1)
	}
	param := "messages"
	if at := inMessage.FindString(text); at != "" {
		param = at
	}
	return bad(param, "%s.", text)
}

// A completionHead is what all parts of an answer have in common.
type completionHead struct {
	ID      string
	Created int64
	Model   string
}

func (h completionHead) chat(all []gathered, used *usage, withLogProbs bool) chatCompletion {
	c := chatCompletion{ID: h.ID, Object: "chat.completion", Created: h.Created, Model: h.Model, Usage: used}
	for i := range all {
		g := &all[i]
		choice := chatChoice{Index: i, Message: chatMessage{Role: "assistant", ToolCalls: g.calls}, FinishReason: g.end}
		if text := g.text.String(); text != "" || len(g.calls) == 0 {
			choice.Message.Content = &text
		}
		choice.TokenIDs = g.ids
		if withLogProbs {
			choice.LogProbs = &logProbs{append([]tokenLogProb{}, g.logProbs...)}
		}
		c.Choices = append(c.Choices, choice)
	}
	return c
}

// streamChat answers piece by piece.
func (s *Server) streamChat(ctx context.Context, w http.ResponseWriter, r *http.Request, req *chatRequest, a asked, head completionHead) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out, used := newStream(w, s.o.WriteTimeout), new(usage)
	go out.watch()
	separate := req.StreamOptions != nil && req.StreamOptions.IncludeUsage
	chunk := func(c chunkChoice) chatChunk {
		return chatChunk{ID: head.ID, Object: "chat.completion.chunk", Created: head.Created, Model: head.Model, Choices: []chunkChoice{c}}
	}
	begun, open := make([]bool, a.choices), a.choices
	err := s.answer(ctx, a, func(d delta) error {
		c := chunkChoice{Index: d.choice}
		if !begun[d.choice] {
			begun[d.choice] = true
			empty := ""
			c.Delta = chunkDelta{Role: "assistant", Content: &empty}
			if err := out.send(chunk(c)); err != nil {
				return err
			}
			c.Delta = chunkDelta{}
		}
		c.TokenIDs = d.ids
		if d.text != "" || d.logProbs != nil || d.ids != nil {
			c.Delta.Content = &d.text
		}
		c.Delta.ToolCalls = d.calls
		if d.logProbs != nil {
			c.LogProbs = &logProbs{d.logProbs}
		}
		if d.text != "" || d.logProbs != nil || d.calls != nil {
			if err := out.send(chunk(c)); err != nil {
				return err
			}
		}
		if d.end == "" {
			return nil
		}
		used.add(d.usage)
		open--
		last := chunk(chunkChoice{Index: d.choice, FinishReason: &d.end})
		if open == 0 && !separate { // Mistral's way
			last.Usage = used
		}
		return out.send(last)
	})
	entryOf(r).note("completion_tokens", used.CompletionTokens)
	if err == nil && separate {
		last := chunk(chunkChoice{})
		last.Choices, last.Usage = []chunkChoice{}, used
		err = out.send(last)
	}
	return out.end(r, err)
}
