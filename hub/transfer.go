package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// transfer is the download of one file.
type transfer struct {
	s     *session
	repo  *Repo
	file  File
	slots chan struct{} // of all files together: one a connection

	fetched atomic.Int64 // bytes of this run, those fetched twice too
	ranged  atomic.Bool  // the server has sent a part that was asked for

	mu     sync.Mutex
	part   *partial // nil before the download begins
	done   bool
	cdn    string // where the hub redirects, asked directly while it answers
	linked string // the hub's ETag that came with cdn
	single bool   // the server refuses ranges
}

var (
	errChanged  = errors.New("the file changed on the server")
	errNoRanges = errors.New("the server refuses ranges")
)

const maxRestarts = 3

// download fetches the file into part and checks its hash. It starts anew when
// the file changes on the server, and as one stream when ranges are refused.
func (t *transfer) download(ctx context.Context) error {
	changes := 0
	for {
		err := t.s.retry(ctx, t.s.Retries, func() (bool, error) { return false, t.attempt(ctx) })
		switch {
		case errors.Is(err, errNoRanges) && !t.single:
			t.single = true
		case errors.Is(err, errChanged) && changes < maxRestarts:
			changes++
			t.part.reset()
		default:
			return err
		}
	}
}

// attempt fetches what is missing while it hashes what is there, in order.
func (t *transfer) attempt(parent context.Context) error {
	if t.single {
		t.part.reset()
	}
	g, ctx := errgroup.WithContext(parent)
	ready := make([]chan struct{}, len(t.part.state.Marks))
	var missing []int
	for i := range ready {
		ready[i] = make(chan struct{})
		if _, all := t.part.have(i); all {
			close(ready[i])
		} else {
			missing = append(missing, i)
		}
	}
	var sum string
	g.Go(func() (err error) { sum, err = t.sum(ctx, ready); return err })
	g.Go(func() error {
		if t.single {
			return t.stream(ctx, ready)
		}
		return t.ranges(ctx, g, missing, ready)
	})
	if err := g.Wait(); err != nil {
		return err
	}
	if sum != t.file.etag() {
		return &corrupt{fmt.Errorf("its hash is %s where the hub lists %s: the bad data is deleted, run again", sum, t.file.etag())}
	}
	return nil
}

// corrupt marks data that no second run can use.
type corrupt struct{ error }

// sum hashes the file chunk by chunk as they become ready: SHA-256, or git's
// SHA-1 of a blob.
func (t *transfer) sum(ctx context.Context, ready []chan struct{}) (string, error) {
	var h hash.Hash = sha256.New()
	if t.file.SHA256 == "" {
		h = sha1.New()
		fmt.Fprintf(h, "blob %d\x00", t.file.Size)
	}
	for i := range ready {
		select {
		case <-ready[i]:
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
		offset, n := t.part.state.span(i)
		if _, err := io.Copy(h, io.NewSectionReader(t.part.file, offset, n)); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// ranges fetches the missing chunks. The others wait for the answer to the
// first, which shows whether the server knows ranges and where it redirects.
func (t *transfer) ranges(ctx context.Context, g *errgroup.Group, missing []int, ready []chan struct{}) error {
	if len(missing) == 0 {
		return nil
	}
	rest := make(chan int, len(missing))
	for _, i := range missing[1:] {
		rest <- i
	}
	close(rest)
	work := func() error {
		for i := range rest {
			if err := t.chunk(ctx, i, func() {}); err != nil {
				return err
			}
			close(ready[i])
		}
		return nil
	}
	more := sync.OnceFunc(func() {
		for range min(t.s.Parallel, len(missing)) - 1 {
			g.Go(work)
		}
	})
	if err := t.chunk(ctx, missing[0], more); err != nil {
		return err
	}
	close(ready[missing[0]])
	return work()
}

// bytes is what is on disk of the file, for the progress.
func (t *transfer) bytes() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.done:
		return t.file.Size
	case t.part != nil:
		return t.part.bytes()
	}
	return 0
}
