package web

import (
	"io/fs"
	"net/http"
	"strings"
)

// servePage answers with a file of the page, and reports whether there is one.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request) bool {
	if s.o.Page == nil || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" {
		name = "index.html"
	}
	info, err := fs.Stat(s.o.Page, name)
	if err != nil || info.IsDir() {
		return false
	}
	h := w.Header()
	// The page asks nobody but this server, and no other page may frame it.
	h.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "+
		"font-src 'self' data:; worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	if name == "index.html" { // ServeFileFS would send it away to "./"
		data, err := fs.ReadFile(s.o.Page, name)
		if err != nil {
			return false
		}
		h.Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(data) // a client that has gone needs no answer
		return true
	}
	http.ServeFileFS(w, r, s.o.Page, name)
	return true
}
