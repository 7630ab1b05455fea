package batch

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"golang.org/x/sync/errgroup"

	"pixtral-wgpu/remote"
)

// Options say what is asked of whom; In, Out and Client are needed.
type Options struct {
	In, Out  string // files
	Client   *remote.Client
	Model    string // asked whatever model the requests name; "" leaves them theirs
	Parallel int    // requests in flight; 0 means 8
	// Image reads an image that a request names instead of holding it, or
	// returns nil to leave the name to the engine. Nil leaves all.
	Image    func(ctx context.Context, source string) ([]byte, error)
	Progress func(Counts)
}

// Counts is how far a batch is.
type Counts struct {
	Total  int    // requests
	Before int    // of them answered by an earlier run
	Asked  int    // by this run, with an answer or without
	Failed int    // of those, without
	Cause  string // of the first of them
}

// mostLost is after how many requests in a row that reached nobody a run ends.
const mostLost = 20

// Run asks all that Out does not answer yet and writes what comes, in the order
// in which it comes. Lines that are no request, and those refused, get a line
// with the cause, and are taken up again by the next run.
func Run(ctx context.Context, o Options) (Counts, error) {
	r := &run{Options: o, ids: map[string]bool{}, names: map[string]int{}}
	err := r.survey(ctx)
	if err != nil {
		return r.counts, err
	}
	if r.out, err = openResults(o.Out, r.ids); err != nil {
		return r.counts, err
	}
	r.counts.Before = len(r.out.done)
	r.tell()
	return r.counts, errors.Join(r.askAll(ctx), r.out.file.Close())
}

type run struct {
	Options
	ids   map[string]bool // of all lines
	names map[string]int  // the line that has a custom_id first
	model string          // for requests that name none
	out   *results

	mu     sync.Mutex
	counts Counts
	lost   int // requests in a row that reached nobody
}

// survey reads the whole batch once.
func (r *run) survey(ctx context.Context) error {
	nameless := false
	for request, err := range requests(r.In) {
		if request == nil {
			return err
		}
		r.counts.Total++
		r.ids[request.id] = true
		if r.names[request.CustomID] == 0 && err == nil {
			r.names[request.CustomID] = request.line
		}
		nameless = nameless || err == nil && request.Body["model"] == nil
	}
	if r.model = r.Model; r.model != "" || !nameless {
		return nil
	}
	var err error
	r.model, err = r.Client.Model(ctx)
	return err
}

func (r *run) askAll(ctx context.Context) error {
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(cmp.Or(r.Parallel, 8))
	for request, err := range requests(r.In) {
		if request == nil {
			return errors.Join(err, group.Wait())
		}
		if gctx.Err() != nil {
			break
		}
		if r.out.done[request.id] {
			continue
		}
		group.Go(func() error { return r.line(gctx, request, err) })
	}
	return cmp.Or(group.Wait(), ctx.Err())
}

// line asks a request, unless it is wrong, and writes what comes of it. Its
// error ends the whole run.
func (r *run) line(ctx context.Context, q *request, wrong error) error {
	result := &Result{ID: q.id, CustomID: q.CustomID}
	err := wrong
	if n := r.names[q.CustomID]; err == nil && n != q.line {
		err = &Failure{"duplicate_custom_id", fmt.Sprintf("line %d: its custom_id %q is that of line %d", q.line, q.CustomID, n)}
	}
	if err == nil {
		result.Response, err = r.ask(ctx, q)
	}
	if ctx.Err() != nil {
		return ctx.Err() // it was not the request's fault
	}
	if err != nil && !errors.As(err, &result.Error) {
		result.Error = &Failure{"no_answer", err.Error()}
	}
	if err := r.out.add(result); err != nil {
		return err
	}
	return r.count(result)
}

// count notes a result, and reports an engine that is gone.
func (r *run) count(result *Result) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.Asked++
	if !result.answered() {
		r.counts.Failed++
		r.counts.Cause = cmp.Or(r.counts.Cause, result.cause())
	}
	switch {
	case result.Response != nil:
		r.lost = 0
	case result.Error.Code == "no_answer":
		r.lost++
	}
	if r.Progress != nil {
		r.Progress(r.counts)
	}
	if r.lost >= mostLost {
		return fmt.Errorf("%d requests in a row got no answer, the last: %s", r.lost, result.Error.Message)
	}
	return nil
}

func (r *run) tell() {
	if r.Progress != nil {
		r.Progress(r.counts)
	}
}

func (r *run) ask(ctx context.Context, q *request) (*Response, error) {
	if r.Model != "" || q.Body["model"] == nil {
		name, err := json.Marshal(r.model)
		if err != nil {
			return nil, err
		}
		q.Body["model"] = name
	}
	if err := r.fetch(ctx, q); err != nil {
		return nil, err
	}
	body, err := json.Marshal(q.Body)
	if err != nil {
		return nil, err
	}
	got, err := r.Client.Post(ctx, q.URL, body)
	if err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	if json.Compact(&compact, got.Body) != nil { // a proxy's page, perhaps
		compact.Reset()
		text, err := json.Marshal(string(got.Body))
		if err != nil {
			return nil, err
		}
		compact.Write(text)
	}
	return &Response{got.Status, cmp.Or(got.RequestID, q.id), compact.Bytes()}, nil
}

// fetch puts images in the place of their names.
func (r *run) fetch(ctx context.Context, q *request) error {
	messages := q.Body["messages"]
	if r.Image == nil || !bytes.Contains(messages, []byte("image_url")) {
		return nil
	}
	var list []map[string]json.RawMessage
	if json.Unmarshal(messages, &list) != nil {
		return nil // the engine says what is wrong
	}
	for _, message := range list {
		var parts []map[string]json.RawMessage
		if json.Unmarshal(message["content"], &parts) != nil {
			continue
		}
		for _, part := range parts {
			if err := r.fetchPart(ctx, part); err != nil {
				return &Failure{"image", fmt.Sprintf("line %d: %v", q.line, err)}
			}
		}
		var err error
		if message["content"], err = json.Marshal(parts); err != nil {
			return err
		}
	}
	var err error
	q.Body["messages"], err = json.Marshal(list)
	return err
}

func (r *run) fetchPart(ctx context.Context, part map[string]json.RawMessage) error {
	var source string
	var object map[string]json.RawMessage
	switch {
	case json.Unmarshal(part["image_url"], &source) == nil: // as Mistral has it
	case json.Unmarshal(part["image_url"], &object) != nil || json.Unmarshal(object["url"], &source) != nil:
		return nil
	}
	file, err := r.Image(ctx, source)
	if err != nil || file == nil {
		return err
	}
	if kind := http.DetectContentType(file); len(kind) < 6 || kind[:6] != "image/" {
		return fmt.Errorf("%s is no picture but %s", source, kind)
	}
	value, err := json.Marshal(remote.DataURI(file))
	if object == nil {
		part["image_url"] = value
	} else {
		object["url"] = value
		part["image_url"], err = json.Marshal(object)
	}
	return err
}
