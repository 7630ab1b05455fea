package web

import (
	"net/http"
)

// A modelCard describes the model: OpenAI's fields, Mistral's, and vLLM's
// max_model_len.
type modelCard struct {
	ID            string       `json:"id"`
	Object        string       `json:"object"` // "model"
	Created       int64        `json:"created"`
	OwnedBy       string       `json:"owned_by"`
	Root          string       `json:"root"` // the model that an alias stands for
	Type          string       `json:"type"` // "base"
	MaxModelLen   int          `json:"max_model_len"`
	ContextLength int          `json:"max_context_length"`
	Capabilities  capabilities `json:"capabilities"`
	Aliases       []string     `json:"aliases"`
	Endpoint      string       `json:"endpoint,omitempty"` // of the engine elsewhere that answers
}

type capabilities struct {
	Chat            bool `json:"completion_chat"`
	FIM             bool `json:"completion_fim"`
	FunctionCalling bool `json:"function_calling"`
	FineTuning      bool `json:"fine_tuning"`
	Vision          bool `json:"vision"`
}

type modelList struct {
	Object string      `json:"object"` // "list"
	Data   []modelCard `json:"data"`
}

func (s *Server) card(id string) modelCard {
	return modelCard{
		ID: id, Object: "model", Created: s.started.Unix(), OwnedBy: "pixtral-wgpu", Root: s.facts.name, Type: "base",
		MaxModelLen: s.o.Context, ContextLength: s.o.Context,
		Capabilities: capabilities{Chat: true, FunctionCalling: s.facts.tekken != nil, Vision: s.facts.lens.patch > 0},
		Aliases:      append([]string{}, s.facts.aliases...),
	}
}

// models answers GET /v1/models.
func (s *Server) models(w http.ResponseWriter, _ *http.Request) error {
	list := modelList{Object: "list"}
	for _, name := range s.facts.names() {
		list.Data = append(list.Data, s.card(name))
	}
	writeJSON(w, http.StatusOK, list)
	return nil
}

// model answers GET /v1/models/{id}.
func (s *Server) model(w http.ResponseWriter, r *http.Request) error {
	if r.PathValue("id") == "" { // a slash too many
		return s.models(w, r)
	}
	name, err := s.facts.find(r.PathValue("id"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, s.card(name))
	return nil
}

// embeddings answers POST /v1/embeddings.
func (s *Server) embeddings(http.ResponseWriter, *http.Request) error {
	return &apiError{Status: http.StatusNotImplemented, Type: notOffered, Code: "embeddings_not_offered",
		Message: "Pixtral writes answers; it was not trained to make embeddings, and this server does not offer any. Use an embedding model for them."}
}

type versionInfo struct {
	Version string `json:"version"`
}

// version answers GET /version.
func (s *Server) version(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, versionInfo{s.o.Version})
	return nil
}

// health answers GET /health: with an empty body, as those who wait for vLLM
// expect, or with why the model cannot answer now.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) error {
	if err := s.engine.Health(); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}
