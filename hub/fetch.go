package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// chunk fetches the rest of chunk i, in as many attempts as progress is made.
func (t *transfer) chunk(ctx context.Context, i int, answered func()) error {
	select {
	case t.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-t.slots }()
	return t.s.retry(ctx, t.s.Retries, func() (bool, error) {
		before, _ := t.part.have(i)
		err := t.request(ctx, i, before, answered)
		after, _ := t.part.have(i)
		return after > before, err
	})
}

// request asks for the bytes of chunk i from `have` on, once.
func (t *transfer) request(parent context.Context, i int, have int64, answered func()) error {
	ctx, touch, stop := watch(parent, t.s.Stall)
	defer stop()
	offset, n := t.part.state.span(i)
	whole := have == 0 && n == t.file.Size
	header := http.Header{}
	if !whole {
		header.Set("Range", fmt.Sprintf("bytes=%d-%d", offset+have, offset+n-1))
	}
	a, err := t.ask(ctx, header)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	switch {
	case a.StatusCode == http.StatusOK && !whole:
		return t.wholeAnswer()
	case a.StatusCode == http.StatusOK:
		err = t.rightLength(a.ContentLength)
	default:
		if err = t.rightRange(a.Header.Get("Content-Range"), offset+have); err == nil {
			t.ranged.Store(true)
		}
	}
	if err != nil {
		return err
	}
	if !t.part.accept(a.tag()) {
		return t.otherVersion(a.tag())
	}
	answered()
	return t.copy(ctx, touching{a.Body, touch}, i, n-have)
}

// wholeAnswer is the error of a whole file where a part was asked for. A server
// that gave parts before is asked again, for to start anew loses what is there.
func (t *transfer) wholeAnswer() error {
	if t.ranged.Load() {
		return &transient{err: errNoRanges}
	}
	return errNoRanges
}

// otherVersion is the error of an ETag that differs from that of the bytes so
// far. If theirs is the one that the hub lists for this commit, the answer is
// what is wrong, and the server is asked again.
func (t *transfer) otherVersion(tag string) error {
	if t.part.tag() == t.file.etag() {
		return &transient{err: fmt.Errorf("the server sends another version, %s", tag)}
	}
	return errChanged
}

// stream fetches the whole file in one answer from its start.
func (t *transfer) stream(parent context.Context, ready []chan struct{}) error {
	select {
	case t.slots <- struct{}{}:
	case <-parent.Done():
		return context.Cause(parent)
	}
	defer func() { <-t.slots }()
	ctx, touch, stop := watch(parent, t.s.Stall)
	defer stop()
	a, err := t.ask(ctx, http.Header{})
	if err != nil {
		return err
	}
	defer a.Body.Close()
	if err := t.rightLength(a.ContentLength); err != nil {
		return err
	}
	t.part.accept(a.tag())
	for i := range ready {
		_, n := t.part.state.span(i)
		if err := t.copy(ctx, touching{a.Body, touch}, i, n); err != nil {
			return err
		}
		close(ready[i])
	}
	return nil
}

// ask sends a request for the file to where the hub last redirected, or to the
// hub, and checks the status.
func (t *transfer) ask(ctx context.Context, header http.Header) (*answer, error) {
	t.mu.Lock()
	cdn, linked := t.cdn, t.linked
	t.mu.Unlock()
	address := cdn
	if cdn == "" {
		address = t.s.Endpoint + "/" + t.repo.Name + "/resolve/" + t.repo.Commit + "/" + escapePath(t.file.Name)
	}
	a, err := t.s.do(ctx, address, header)
	if err != nil {
		return nil, err
	}
	if a.linked == "" {
		a.linked = linked
	}
	err = t.s.check(a.Response, what{t.repo.Name, t.repo.Revision, t.file.Name})
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		if cdn == "" {
			t.cdn, t.linked = a.at, a.linked
		}
		return a, nil
	}
	a.Body.Close()
	if t.cdn == cdn {
		t.cdn, t.linked = "", "" // ask the hub again: addresses of CDNs run out
	}
	var late *expired
	switch {
	case errors.As(err, &late):
		return nil, &transient{err: late.error}
	case a.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return nil, errChanged
	}
	return nil, err
}

// tag identifies the content: the hub's ETag, which all CDNs share, else the
// server's own.
func (a *answer) tag() string {
	if a.linked != "" {
		return a.linked
	}
	return etag(a.Header.Get("ETag"))
}

func escapePath(name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "/")
}

func (t *transfer) rightLength(n int64) error {
	if n >= 0 && n != t.file.Size {
		return &corrupt{fmt.Errorf("the server sends %d bytes where the hub lists %d: run again", n, t.file.Size)}
	}
	return nil
}

// rightRange checks a Content-Range: "bytes FIRST-LAST/TOTAL".
func (t *transfer) rightRange(header string, first int64) error {
	span, total, ok := strings.Cut(strings.TrimPrefix(header, "bytes "), "/")
	from, _, dash := strings.Cut(span, "-")
	if at, err := strconv.ParseInt(from, 10, 64); !ok || !dash || err != nil || at != first {
		return &transient{err: fmt.Errorf("the server sends the range %q where byte %d was asked for", header, first)}
	}
	if n, err := strconv.ParseInt(total, 10, 64); err == nil {
		return t.rightLength(n)
	}
	return nil
}

// copy moves n bytes of a body into chunk i; fewer are a lost connection.
func (t *transfer) copy(ctx context.Context, body io.Reader, i int, n int64) error {
	buf := make([]byte, min(n, 256<<10))
	for n > 0 {
		got, err := body.Read(buf[:min(n, int64(len(buf)))])
		if got > 0 {
			if err := t.part.add(i, buf[:got]); err != nil {
				return err
			}
			n -= int64(got)
			t.fetched.Add(int64(got))
		}
		if n == 0 {
			return nil
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return lost(ctx, fmt.Errorf("the connection broke %d bytes early: %w", n, err))
		}
	}
	return nil
}
