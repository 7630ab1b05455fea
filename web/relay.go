package web

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"pixtral-wgpu/remote"
)

// NewRelay makes a server for an engine elsewhere: requests go there, the page
// comes from here. What an image costs it says for Pixtral only, whose way with
// images is known; looking inside needs an engine of ours.
func NewRelay(ctx context.Context, c *remote.Client, o Options) (*Server, error) {
	card, err := c.Card(ctx)
	if err != nil {
		return nil, err
	}
	if o.Context == 0 {
		o.Context = card.Context
	}
	s := &Server{o: o.complete(), started: time.Now(), facts: facts{name: card.Name}}
	if strings.Contains(strings.ToLower(card.Name), "pixtral") {
		s.facts.lens = lens{patch: 16, side: 1024}
	}
	if s.media, err = newMedia(s.o, s.facts); err != nil {
		return nil, err
	}
	s.handler = s.guard(s.relay(c, card))
	return s, nil
}

// relay answers for an engine elsewhere.
func (s *Server) relay(c *remote.Client, card remote.Card) http.Handler {
	mux := http.NewServeMux()
	forward := c.Relay(func(w http.ResponseWriter, r *http.Request, err error) {
		if r.Context().Err() == nil {
			err = &apiError{Status: http.StatusBadGateway, Type: unavailable, Code: "endpoint_unreachable", Message: err.Error()}
		}
		fail(w, r, err)
	})
	mux.HandleFunc("GET /v1/", s.keyed(func(w http.ResponseWriter, r *http.Request) error {
		forward.ServeHTTP(w, r)
		return nil
	}))
	mux.HandleFunc("POST /v1/", s.keyed(func(w http.ResponseWriter, r *http.Request) error {
		body, err := s.readBody(w, r)
		if err != nil {
			return err
		}
		if body, err = withModel(body, card.Name); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(r.Context(), s.o.Timeout)
		defer cancel()
		r = r.WithContext(ctx)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		forward.ServeHTTP(w, r)
		return nil
	}))
	mux.HandleFunc("GET /v1/models", s.keyed(func(w http.ResponseWriter, _ *http.Request) error {
		m := modelCard{ID: card.Name, Object: "model", Created: s.started.Unix(), OwnedBy: "endpoint", Root: card.Name, Type: "base",
			MaxModelLen: card.Context, ContextLength: card.Context, Aliases: []string{}, Endpoint: c.URL()}
		m.Capabilities = capabilities{Chat: true, Vision: card.Vision == nil || *card.Vision}
		writeJSON(w, http.StatusOK, modelList{"list", []modelCard{m}})
		return nil
	}))
	mux.HandleFunc("GET /version", s.keyless(s.version))
	mux.HandleFunc("GET /health", s.keyless(func(w http.ResponseWriter, r *http.Request) error {
		if _, err := c.Models(r.Context()); err != nil {
			return &apiError{Status: http.StatusServiceUnavailable, Type: unavailable, Code: "endpoint_unreachable", Message: err.Error()}
		}
		w.WriteHeader(http.StatusOK)
		return nil
	}))
	elsewhere := s.keyed(func(http.ResponseWriter, *http.Request) error { return errElsewhere })
	mux.HandleFunc("/inspect", elsewhere)
	mux.HandleFunc("/inspect/", elsewhere)
	if s.facts.lens.patch > 0 {
		mux.HandleFunc("POST /inspect/image", s.keyed(s.inspectImage))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if !s.servePage(w, r) {
			fail(w, r, &apiError{Status: http.StatusNotFound, Type: notFound, Message: "There is nothing at " + shorten(r.URL.Path) + "; /v1/... goes on to " + c.URL() + "."})
		}
	})
	return mux
}

var errElsewhere = &apiError{Status: http.StatusNotImplemented, Type: notOffered, Code: "engine_elsewhere",
	Message: "Looking inside needs this program's own engine, and the answers come from elsewhere (--endpoint). Start pixtral-wgpu serve with -m MODEL and without --endpoint."}

// withModel names the model in a request that does not.
func withModel(body []byte, name string) ([]byte, error) {
	var all map[string]json.RawMessage
	if err := unmarshal(body, &all); err != nil {
		return nil, err
	}
	if m, ok := all["model"]; ok && string(m) != `""` && string(m) != "null" {
		return body, nil
	}
	quoted, err := json.Marshal(name)
	if err != nil {
		return nil, err
	}
	all["model"] = quoted
	return json.Marshal(all)
}
