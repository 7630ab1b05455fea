package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"pixtral-wgpu/model/pixels"
)

const (
	fetchTimeout = 60 * time.Second // from the first byte asked for to the last one read
	maxFileBytes = 1 << 30          // of a file or standard input: more is no picture
)

// A reader gets the bytes that an argument stands for.
type reader struct {
	ctx      context.Context
	stdin    io.Reader
	maxFetch int64 // bytes of a download
}

// read returns the contents of a source: "-" for standard input, an http,
// https, data or file URL, or the path of a file.
func (r *reader) read(source string) ([]byte, error) {
	scheme, rest, _ := strings.Cut(source, ":")
	switch scheme := strings.ToLower(scheme); {
	case source == "-":
		return r.drain()
	case scheme == "data":
		return pixels.DataURI(source)
	case scheme == "http" || scheme == "https":
		return r.fetch(source)
	case scheme == "file":
		u, err := url.Parse(source)
		if err != nil {
			return nil, err
		}
		return readFile(u.Path)
	case strings.HasPrefix(rest, "//") && len(scheme) > 1: // one letter is a disk of Windows
		return nil, fmt.Errorf("addresses of %s: are not read; use http, https, file or data, or a downloaded file", scheme)
	}
	return readFile(source)
}

// drain reads standard input, and stops waiting for it when ctx is done.
func (r *reader) drain() ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	read := make(chan result, 1)
	go func() {
		data, err := readMost(r.stdin, maxFileBytes)
		read <- result{data, err}
	}()
	select {
	case got := <-read:
		return got.data, got.err
	case <-r.ctx.Done():
		return nil, r.ctx.Err()
	}
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, reason(err)
	}
	defer f.Close()
	data, err := readMost(f, maxFileBytes)
	return data, reason(err)
}

// reason drops the operation and the path from a file's error: the caller
// names the source.
func reason(err error) error {
	var path *os.PathError
	switch {
	case !errors.As(err, &path):
		return err
	case errors.Is(path.Err, syscall.EISDIR):
		return errors.New("it is a directory; name a file")
	}
	return path.Err
}

// readMost reads all of r, unless it is longer than most bytes.
func readMost(r io.Reader, most int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(data)) > most {
		return nil, &tooLongError{most}
	}
	return data, err
}

type tooLongError struct{ most int64 }

func (e *tooLongError) Error() string { return fmt.Sprintf("it is longer than %d MB", e.most>>20) }

// fetch downloads what is at an address.
func (r *reader) fetch(address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(r.ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "pixtral-wgpu") // some hosts refuse clients without a name
	data, err := r.download(req)
	var wrapped *url.Error
	var long *tooLongError
	switch {
	case errors.As(err, &long):
		return nil, fmt.Errorf("%w; --max-download allows more", err)
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("the server took longer than %v", fetchTimeout)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("the download broke off; try again")
	case errors.As(err, &wrapped):
		return nil, wrapped.Err // the caller names the address
	}
	return data, err
}

func (r *reader) download(req *http.Request) ([]byte, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the server answers %s", resp.Status)
	case resp.ContentLength > r.maxFetch:
		return nil, &tooLongError{r.maxFetch}
	}
	return readMost(resp.Body, r.maxFetch)
}
