package web

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// guard stands before all routes: it logs, survives panics, and turns away who
// must not ask.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		entry := &logEntry{id: "req-" + rand.Text()[:12]}
		r = r.WithContext(withEntry(r.Context(), entry))
		out := &statusWriter{ResponseWriter: w}
		out.Header().Set("X-Request-Id", entry.id)
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				entry.err = fmt.Errorf("panic: %v", p)
				s.o.Log.Error("panic", "request", entry.id, "path", shorten(r.URL.Path), "cause", fmt.Sprint(p), "stack", stack())
				if out.status == 0 {
					writeError(out, &apiError{Status: 500, Type: serverError, Message: "The server made a mistake; its log says more under " + entry.id + "."})
				}
			}
			s.finish(r, out, entry, time.Since(start))
		}()
		if err := s.admit(out, r); err != nil {
			fail(out, r, err)
			return
		}
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			out.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(out, r)
	})
}

// finish counts and logs a request. Bodies and headers are in no log.
func (s *Server) finish(r *http.Request, w *statusWriter, e *logEntry, took time.Duration) {
	status := w.status
	if status == 0 {
		status = http.StatusOK
	}
	if e.status != 0 {
		status = e.status
	}
	s.metrics.count(r, status, took)
	level := slog.LevelInfo
	switch {
	case status >= 500:
		level = slog.LevelError
	case r.URL.Path == "/health" || r.URL.Path == "/metrics":
		level = slog.LevelDebug // asked every few seconds
	}
	attrs := []slog.Attr{
		slog.String("request", e.id), slog.String("method", shorten(r.Method)), slog.String("path", shorten(r.URL.Path)),
		slog.Int("status", status), slog.Duration("took", took.Round(100*time.Microsecond)),
	}
	if e.err != nil {
		attrs = append(attrs, slog.String("cause", scrub(e.err.Error())))
	}
	s.o.Log.LogAttrs(r.Context(), level, "request", append(attrs, e.attrs...)...)
}

// admit checks the Host and the origin of a request. A page of another origin
// can make a browser send requests to this machine, and a name that an attacker
// owns can be made to point here (DNS rebinding).
func (s *Server) admit(w http.ResponseWriter, r *http.Request) error {
	if !s.hostAllowed(r.Host) {
		return &apiError{Status: http.StatusForbidden, Type: permission, Code: "host_not_allowed",
			Message: "This server is not called " + quote(r.Host) + "; start it with --allow-host NAME if it is."}
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	u, err := url.Parse(origin)
	if err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) {
		return nil
	}
	if !slices.Contains(s.o.AllowOrigins, "*") && !slices.Contains(s.o.AllowOrigins, origin) {
		return &apiError{Status: http.StatusForbidden, Type: permission, Code: "origin_not_allowed",
			Message: "Pages of " + quote(origin) + " may not ask this server; start it with --allow-origin to let them."}
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Api-Key")
	h.Set("Access-Control-Expose-Headers", "X-Request-Id, Retry-After")
	h.Set("Access-Control-Max-Age", "600")
	return nil
}

// hostAllowed reports whether a request for host is meant for this server. An
// address cannot be rebound, so any will do.
func (s *Server) hostAllowed(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	if own, err := os.Hostname(); err == nil && name != "" && strings.EqualFold(own, name) {
		return true
	}
	return slices.ContainsFunc(s.o.AllowHosts, func(allowed string) bool { return allowed == "*" || strings.EqualFold(allowed, name) })
}

// A statusWriter remembers the status it was given.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
