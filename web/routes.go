package web

import (
	"net/http"
	"slices"
	"strings"
)

// A route is one thing the server can be asked.
type route struct {
	method, path string
	summary      string
	open         bool // answered without a key
	handle       func(s *Server, w http.ResponseWriter, r *http.Request) error
	in, out      any // bodies of request and answer, for the description; nil for none
}

// routes lists all there are, besides the page at "/".
func routes() []route {
	return append([]route{
		{"POST", "/v1/chat/completions", "Answer a conversation with text and images", false, (*Server).chat, chatRequest{}, chatCompletion{}},
		{"POST", "/v1/completions", "Go on with a text", false, (*Server).completions, completionRequest{}, completion{}},
		{"POST", "/v1/embeddings", "Not offered: this model has no embeddings", false, (*Server).embeddings, nil, wireError{}},
		{"GET", "/v1/models", "List the model and its aliases", false, (*Server).models, nil, modelList{}},
		{"GET", "/v1/models/{id...}", "Describe the model", false, (*Server).model, nil, modelCard{}},
		{"POST", "/tokenize", "Count and list the tokens of a text or a conversation", false, (*Server).tokenize, tokenizeRequest{}, tokenized{}},
		{"POST", "/detokenize", "Return the text of tokens", false, (*Server).detokenize, detokenizeRequest{}, detokenized{}},
		{"GET", "/health", "200 and an empty body while the model can answer, else 503", true, (*Server).health, nil, nil},
		{"GET", "/metrics", "Counters and histograms for Prometheus", false, (*Server).serveMetrics, nil, nil},
		{"GET", "/version", "The version of the program", true, (*Server).version, nil, versionInfo{}},
		{"GET", "/openapi.json", "This description", true, (*Server).openAPI, nil, nil},
	}, inspectRoutes()...)
}

// mux sends each request to its route, and all others to the page.
func (s *Server) mux() http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes() {
		handle := func(w http.ResponseWriter, req *http.Request) error { return r.handle(s, w, req) }
		if r.open {
			mux.HandleFunc(r.method+" "+r.path, s.keyless(handle))
		} else {
			mux.HandleFunc(r.method+" "+r.path, s.keyed(handle))
		}
	}
	mux.HandleFunc("/", s.fallback)
	return mux
}

// keyless answers with what f makes, or with its error.
func (s *Server) keyless(f func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := f(w, r); err != nil {
			fail(w, r, err)
		}
	}
}

// keyed is keyless for those who have a key, if the server wants one.
func (s *Server) keyed(f func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return s.keyless(func(w http.ResponseWriter, r *http.Request) error {
		if err := s.o.Keys.check(r); err != nil {
			return err
		}
		return f(w, r)
	})
}

// fallback answers what is on no route: files of the page, or an error that
// says what there is.
func (s *Server) fallback(w http.ResponseWriter, r *http.Request) {
	if methods := methodsOf(r.URL.Path); len(methods) > 0 {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		fail(w, r, &apiError{Status: http.StatusMethodNotAllowed, Type: invalidRequest,
			Message: r.URL.Path + " takes " + strings.Join(methods, " and ") + ", not " + shorten(r.Method) + "."})
		return
	}
	if s.servePage(w, r) {
		return
	}
	fail(w, r, &apiError{Status: http.StatusNotFound, Type: notFound, Message: "There is nothing at " + shorten(r.URL.Path) + "; /openapi.json lists what there is."})
}

// methodsOf returns the methods of the routes at a path.
func methodsOf(path string) (methods []string) {
	for _, r := range routes() {
		if matches(r.path, path) {
			methods = append(methods, r.method)
		}
	}
	slices.Sort(methods)
	return slices.Compact(methods)
}

// matches reports whether a path is of a pattern with {id} or {id...} in it.
func matches(pattern, path string) bool {
	parts, of := strings.Split(pattern, "/"), strings.Split(path, "/")
	for i, part := range parts {
		switch {
		case i >= len(of):
			return false
		case part == "{id...}":
			return of[i] != ""
		case part != of[i] && (part != "{id}" || of[i] == ""):
			return false
		}
	}
	return len(parts) == len(of)
}
