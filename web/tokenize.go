package web

import (
	"context"
	"encoding/json"
	"net/http"

	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/tokenizer"
)

// A tokenizeRequest asks for the tokens of a text, or of a conversation as it is
// put before the model, images included.
type tokenizeRequest struct {
	Model            string          `json:"model,omitempty"`
	Prompt           *string         `json:"prompt,omitempty" jsonschema_description:"A text."`
	Messages         json.RawMessage `json:"messages,omitempty" jsonschema_description:"A conversation, instead of a text."`
	Tools            json.RawMessage `json:"tools,omitempty"`
	AddSpecialTokens *bool           `json:"add_special_tokens,omitempty" jsonschema_description:"Begin a text with the token that prompts begin with; true if left out."`
	ReturnTokenStrs  bool            `json:"return_token_strs,omitempty" jsonschema_description:"Tell the text of each token too."`
}

type tokenized struct {
	Count       int               `json:"count"`
	MaxModelLen int               `json:"max_model_len"`
	Tokens      []tokenizer.Token `json:"tokens"`
	TokenStrs   []string          `json:"token_strs,omitempty"`
	Images      []imageTokens     `json:"images,omitempty"`
}

// imageTokens tells what an image costs.
type imageTokens struct {
	Width  int `json:"width"` // pixels, as the model sees it
	Height int `json:"height"`
	Cols   int `json:"cols"` // patches
	Rows   int `json:"rows"`
	Tokens int `json:"tokens"`
}

// tokenize answers POST /tokenize.
func (s *Server) tokenize(w http.ResponseWriter, r *http.Request) error {
	req := new(tokenizeRequest)
	body, err := s.receive(w, r, req)
	if err != nil {
		return err
	}
	if _, err := s.facts.find(req.Model); err != nil {
		return err
	}
	out := tokenized{MaxModelLen: s.o.Context}
	switch {
	case (req.Prompt == nil) == empty(req.Messages):
		return bad("prompt", "The request needs either a `prompt`, a text, or `messages`.")
	case req.Prompt != nil && or(req.AddSpecialTokens, true):
		out.Tokens = s.facts.tokenizer.EncodePrompt(*req.Prompt)
	case req.Prompt != nil:
		out.Tokens = s.facts.tokenizer.Encode(*req.Prompt)
	default:
		if out.Tokens, out.Images, err = s.tokensOfChat(r.Context(), body, req.Model); err != nil {
			return err
		}
	}
	out.Count, out.Tokens = len(out.Tokens), append([]tokenizer.Token{}, out.Tokens...)
	if req.ReturnTokenStrs {
		for _, tok := range out.Tokens {
			out.TokenStrs = append(out.TokenStrs, s.facts.tokenizer.Name(tok))
		}
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

func (s *Server) tokensOfChat(ctx context.Context, body []byte, name string) ([]tokenizer.Token, []imageTokens, error) {
	chat, err := s.conversation(body, &chatRequest{Model: name})
	if err != nil {
		return nil, nil, err
	}
	images, err := s.media.images(ctx, chat)
	if err != nil {
		return nil, nil, err
	}
	prompt, err := s.engine.Model().EncodeChat(chat, images)
	if err != nil {
		return nil, nil, chatError(err)
	}
	var list []imageTokens
	for _, img := range images {
		list = append(list, sizeOf(img))
	}
	return prompt.Tokens, list, nil
}

func sizeOf(img *pixels.Patches) imageTokens {
	return imageTokens{img.Width, img.Height, img.Grid.Cols, img.Grid.Rows, img.Grid.Tokens()}
}

type detokenizeRequest struct {
	Model  string            `json:"model,omitempty"`
	Tokens []tokenizer.Token `json:"tokens" jsonschema:"required"`
}

type detokenized struct {
	Prompt string `json:"prompt"`
}

// detokenize answers POST /detokenize. Special tokens come out by their names.
func (s *Server) detokenize(w http.ResponseWriter, r *http.Request) error {
	req := new(detokenizeRequest)
	if _, err := s.receive(w, r, req); err != nil {
		return err
	}
	if _, err := s.facts.find(req.Model); err != nil {
		return err
	}
	if req.Tokens == nil {
		return bad("tokens", "`tokens` is missing; it is a list of numbers.")
	}
	text, err := s.facts.tokenizer.Decode(req.Tokens, tokenizer.KeepSpecial)
	if err != nil {
		return bad("tokens", "%s.", cause(err))
	}
	writeJSON(w, http.StatusOK, detokenized{text})
	return nil
}
