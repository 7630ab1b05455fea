package web

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
)

// A logEntry gathers what the log says of a request.
type logEntry struct {
	id     string
	status int // instead of the one sent, for what failed under way
	err    error
	attrs  []slog.Attr
}

type entryKey struct{}

func withEntry(ctx context.Context, e *logEntry) context.Context {
	return context.WithValue(ctx, entryKey{}, e)
}

// entryOf returns the entry of a request; one that nobody reads if it has none.
func entryOf(r *http.Request) *logEntry {
	if e, ok := r.Context().Value(entryKey{}).(*logEntry); ok {
		return e
	}
	return new(logEntry)
}

// fail answers with an error and notes it for the log.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	entryOf(r).err = err
	writeError(w, err)
}

// blobs are runs that may be base64 of an image, or a key.
var blobs = regexp.MustCompile(`(data:[^,\s]{0,60},)\S+|[A-Za-z0-9+/_=-]{48,}`)

// scrub takes out of a text for the log what may be a piece of an image or a
// key. Errors do not hold any; this is the second lock.
func scrub(text string) string { return blobs.ReplaceAllString(text, "$1…") }

// stack is where a panic came from.
func stack() string {
	const most = 4 << 10
	s := debug.Stack()
	return string(s[:min(len(s), most)])
}

// note adds something to what the log says of the request.
func (e *logEntry) note(key string, value any) { e.attrs = append(e.attrs, slog.Any(key, value)) }
