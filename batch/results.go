package batch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"

	"pixtral-wgpu/remote"
)

// A Result is a line of the answers: a response, or the error in its place.
type Result struct {
	ID       string    `json:"id"`
	CustomID string    `json:"custom_id"`
	Response *Response `json:"response"`
	Error    *Failure  `json:"error"`
}

// A Response is what the engine answered, be it a refusal.
type Response struct {
	StatusCode int             `json:"status_code"`
	RequestID  string          `json:"request_id"`
	Body       json.RawMessage `json:"body"`
}

// A Failure is why a request got no response.
type Failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (f *Failure) Error() string { return f.Message }

// answered says whether the request need not be asked again.
func (r *Result) answered() bool {
	return r.Error == nil && r.Response != nil && r.Response.StatusCode/100 == 2
}

// cause says why there is no answer.
func (r *Result) cause() string {
	if r.Error != nil {
		return r.Error.Message
	}
	return fmt.Sprintf("%s: %d %s: %s", r.CustomID, r.Response.StatusCode, http.StatusText(r.Response.StatusCode), remote.Cause(r.Response.Body))
}

// results is the file of answers, which a run that was ended goes on from.
type results struct {
	mu   sync.Mutex
	file *os.File
	done map[string]bool // ids of the requests that it answers
}

// openResults opens the file or begins it. ids are those of the batch.
func openResults(path string, ids map[string]bool) (*results, error) {
	r := &results{done: map[string]bool{}}
	if err := r.tidy(path, ids); err != nil {
		return nil, err
	}
	var err error
	r.file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	return r, err
}

// tidy takes the lines without an answer out of the file, for their requests
// are asked again, and a line that a kill cut short.
func (r *results) tidy(path string, ids map[string]bool) error {
	old, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer old.Close()
	part := path + ".part"
	to, err := os.Create(part)
	if err != nil {
		return err
	}
	defer os.Remove(part) // if it did not become the file
	if err = errors.Join(r.keep(old, to, path, ids), to.Close(), old.Close()); err != nil {
		return err
	}
	return os.Rename(part, path)
}

// first is how every line begins.
const first = `{"id":"batch_req_`

func (r *results) keep(from io.Reader, to io.Writer, path string, ids map[string]bool) error {
	n := 0
	for line, err := range lines(from) {
		if n++; err != nil {
			return err
		}
		var result Result
		cut := !bytes.HasSuffix(line, []byte("\n"))
		switch err := json.Unmarshal(line, &result); {
		case cut && bytes.HasPrefix(line, []byte(first)[:min(len(line), len(first))]):
		case err != nil || !bytes.HasPrefix(line, []byte(first)):
			return fmt.Errorf("%s: line %d is no answer of a batch; choose another --out", path, n)
		case !result.answered():
		case !ids[result.ID]:
			return fmt.Errorf("%s has an answer to %q that this batch does not ask, or in other words; choose another --out, or delete it", path, result.CustomID)
		default:
			r.done[result.ID] = true
			if _, err := to.Write(line); err != nil {
				return err
			}
		}
	}
	return nil
}

// add writes a result at once, so that a kill leaves at most its beginning.
func (r *results) add(result *Result) error {
	var line bytes.Buffer
	e := json.NewEncoder(&line)
	e.SetEscapeHTML(false) // answers as the engine wrote them
	if err := e.Encode(result); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, err := r.file.Write(line.Bytes())
	return err
}
