package hub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// answer is the response at the end of the redirects.
type answer struct {
	*http.Response
	at     string // the address that answered
	linked string // the hub's own ETag of the file, told by a redirect to a CDN
}

const maxRedirects = 10

// do asks for an address and follows redirects. The token goes to the
// endpoint's own origin (scheme, host, port) and nowhere else; a redirect from
// https to http is refused. Errors of the network are transient.
func (s *session) do(ctx context.Context, address string, header http.Header) (*answer, error) {
	at, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	linked := ""
	for range maxRedirects {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
		if err != nil {
			return nil, err
		}
		req.Header = header.Clone()
		req.Header.Set("User-Agent", "pixtral-wgpu")
		req.Header.Set("Accept-Encoding", "identity") // ranges count the bytes of the file itself
		if s.Token != "" && at.Scheme == s.base.Scheme && strings.EqualFold(at.Host, s.base.Host) {
			req.Header.Set("Authorization", "Bearer "+s.Token)
		}
		resp, err := s.http.Do(req)
		if err != nil {
			return nil, lost(ctx, err)
		}
		if tag := resp.Header.Get("X-Linked-Etag"); tag != "" {
			linked = etag(tag)
		}
		if !redirects(resp.StatusCode) {
			return &answer{resp, at.String(), linked}, nil
		}
		io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10)) // so that the connection is used again
		resp.Body.Close()
		next, err := resp.Location()
		if err != nil {
			return nil, fmt.Errorf("%s: a redirect to nowhere: %w", at.Host, err)
		}
		if next.Scheme != "https" && !(next.Scheme == "http" && at.Scheme == "http") {
			return nil, fmt.Errorf("%s redirects to %s, which is not safe: refused", at.Host, next.Scheme+"://"+next.Host)
		}
		at = next
	}
	return nil, fmt.Errorf("%s: more than %d redirects", s.base.Host, maxRedirects)
}

func redirects(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// etag is the bare value of an ETag header, as the cache names blobs.
func etag(header string) string {
	return strings.Trim(strings.TrimPrefix(header, "W/"), `"`)
}

// transient is an error worth another attempt.
type transient struct {
	err   error
	after time.Duration // the server's wish; 0 leaves it to the back-off
}

func (t *transient) Error() string { return t.err.Error() }
func (t *transient) Unwrap() error { return t.err }

// lost is what a network error means: the caller's own end, a stall, a
// certificate that no second attempt makes valid, or something that may pass.
func lost(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(cause, errStalled):
		return &transient{err: cause}
	case cause != nil:
		return cause
	case errors.As(err, &certificate):
		return err
	}
	return &transient{err: err}
}

const (
	longestBackoff = 30 * time.Second
	longestWait    = 10 * time.Minute // a server that asks for more is told to the user instead
)

// retry calls attempt until it succeeds, fails for good, or fails limit times
// in a row without progress.
func (s *session) retry(ctx context.Context, limit int, attempt func() (progress bool, err error)) error {
	fails := 0
	for {
		progress, err := attempt()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var t *transient
		if !errors.As(err, &t) {
			return err
		}
		if progress {
			fails = 0
		}
		fails++
		if fails >= limit {
			return fmt.Errorf("given up after %d attempts: %w", fails, t.err)
		}
		if t.after > longestWait {
			return fmt.Errorf("the server asks to wait %v: %w", t.after, t.err)
		}
		if err := sleep(ctx, max(t.after, s.backoff(fails))); err != nil {
			return err
		}
	}
}

// backoff doubles with each failure; its random half keeps connections that
// failed together from coming back together.
func (s *session) backoff(fails int) time.Duration {
	wait := min(s.Backoff<<min(fails-1, 16), longestBackoff)
	return wait/2 + rand.N(wait/2+1)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

var errStalled = errors.New("the connection stalled")

// watch ends the context with errStalled when touch is not called for d.
func watch(parent context.Context, d time.Duration) (ctx context.Context, touch, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	timer := time.AfterFunc(d, func() { cancel(fmt.Errorf("%w: no byte in %v", errStalled, d)) })
	return ctx, func() { timer.Reset(d) }, func() { timer.Stop(); cancel(nil) }
}

// touching calls touch for each read that brings something.
type touching struct {
	io.Reader
	touch func()
}

func (t touching) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	if n > 0 {
		t.touch()
	}
	return n, err
}
