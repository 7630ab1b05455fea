package web

import (
	"net/http"
)

// openAPI answers GET /openapi.json.
func (s *Server) openAPI(w http.ResponseWriter, _ *http.Request) error {
	writeJSON(w, http.StatusOK, s.describe())
	return nil
}

func (s *Server) describe() any { return map[string]any{} }
