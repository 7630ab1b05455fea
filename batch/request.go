// Package batch answers the requests of a file, in the form of OpenAI's
// batches: a line with a custom_id, a url and a body becomes a line with the
// custom_id and the response.
package batch

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
)

// A request is a line of a batch. Mistral's lines have neither method nor url.
type request struct {
	CustomID string                     `json:"custom_id"`
	Method   string                     `json:"method"`
	URL      string                     `json:"url"`
	Body     map[string]json.RawMessage `json:"body"`

	line int    // its number, from 1
	id   string // of its result: the number and a hash of the line
}

// The only method, and the url where none is given.
const (
	method     = "POST"
	defaultURL = "/v1/chat/completions"
)

// requests yields the lines of a batch that hold something. A line that is no
// request comes with the error that says why.
func requests(path string) iter.Seq2[*request, error] {
	return func(yield func(*request, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(nil, err)
			return
		}
		defer f.Close()
		n := 0
		for line, err := range lines(f) {
			if n++; err != nil {
				yield(nil, fmt.Errorf("%s: line %d: %w", path, n, err))
				return
			}
			if len(bytes.TrimSpace(line)) == 0 {
				continue
			}
			sum := sha256.Sum256(bytes.TrimSpace(line))
			r := &request{line: n, id: fmt.Sprintf("batch_req_%d_%x", n, sum[:6])}
			if !yield(r, r.parse(line)) {
				return
			}
		}
	}
}

// parse reads a line; its error is a *Failure.
func (r *request) parse(line []byte) error {
	err := json.Unmarshal(line, r)
	r.Method, r.URL = cmp.Or(r.Method, method), cmp.Or(r.URL, defaultURL)
	var stream bool
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch _ = json.Unmarshal(r.Body["stream"], &stream); {
	case errors.As(err, &syntax):
		return r.invalid("it is not JSON: %v", err)
	case errors.As(err, &kind):
		return r.invalid("its %q is of the wrong kind: %s", kind.Field, kind.Value)
	case r.CustomID == "":
		return r.invalid(`it has no "custom_id", by which its answer could be known`)
	case r.Method != method:
		return r.invalid("its method is %q; there is only %s", r.Method, method)
	case !strings.HasPrefix(r.URL, "/v1/"):
		return r.invalid("its url is %q; it begins with /v1/, for example %s", r.URL, defaultURL)
	case len(r.Body) == 0:
		return r.invalid(`it has no "body", the request itself`)
	case stream:
		return r.invalid("it asks for a stream, which a batch has no place for; leave \"stream\" out")
	}
	return nil
}

func (r *request) invalid(format string, args ...any) error {
	return &Failure{"invalid_request", fmt.Sprintf("line %d: ", r.line) + fmt.Sprintf(format, args...)}
}

// lines yields the lines of a file, however long, with their ends.
func lines(r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		b := bufio.NewReaderSize(r, 1<<16)
		for {
			line, err := b.ReadBytes('\n')
			if err != nil && err != io.EOF {
				yield(nil, err)
				return
			}
			if len(line) > 0 && !yield(line, nil) || err == io.EOF {
				return
			}
		}
	}
}
