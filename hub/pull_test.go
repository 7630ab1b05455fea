package hub

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

var mistralFiles = []string{"params.json", "tekken.json", "consolidated.safetensors"}

// Sizes below, at and above the borders of chunks and of nothing at all.
func TestPullSizes(t *testing.T) {
	for _, size := range []int{0, 1, testChunk - 1, testChunk, testChunk + 1, 2 * testChunk, 40*testChunk + 7} {
		h := newFakeHub(t, mistral(size))
		c := h.client(t)
		dir, err := c.Pull(context.Background(), testRepo, nil)
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		wantFiles(t, h, dir, mistralFiles...)
		if rest := leftovers(t, c, "ranges"); len(rest) > 0 {
			t.Errorf("%d bytes: left over: %v", size, rest)
		}
		ref, err := os.ReadFile(filepath.Join(c.CacheDir, "models--owner--tiny-model", "refs", "main"))
		if string(ref) != testCommit || err != nil {
			t.Errorf("refs/main is %q, %v", ref, err)
		}
		before := h.sentBytes()
		if again, err := c.Pull(context.Background(), testRepo, nil); err != nil || again != dir {
			t.Errorf("again: %s, %v; want %s", again, err, dir)
		}
		if h.sentBytes() != before {
			t.Errorf("a second pull fetched %d bytes", h.sentBytes()-before)
		}
	}
}

func TestPullProgress(t *testing.T) {
	t.Parallel()
	h := newFakeHub(t, mistral(8*testChunk))
	h.trouble = func(http.ResponseWriter, *http.Request, string, int) bool {
		time.Sleep(60 * time.Millisecond) // so that the meter ticks in between
		return false
	}
	var last Progress
	_, err := h.client(t).Pull(context.Background(), testRepo, func(p Progress) {
		if p.Done < last.Done || p.Done > p.Total {
			t.Errorf("%d bytes of %d after %d", p.Done, p.Total, last.Done)
		}
		last = p
	})
	if err != nil || last.Done != last.Total || last.Total != int64(11*testChunk+5+10) || len(last.Files) != 3 || last.Rate <= 0 {
		t.Errorf("the last progress is %+v, %v", last, err)
	}
}

// Each kind of trouble strikes the first requests; the pull must come through
// and fetch little twice.
func TestPullTroubles(t *testing.T) {
	half := func(h *fakeHub, w http.ResponseWriter, name string) {
		w.Header().Set("Content-Length", "9999999")
		w.Header().Set("ETag", `"`+hashOf(name, h.files[name]).etag()+`"`)
	}
	status := func(code int, header ...string) func(*fakeHub, http.ResponseWriter, *http.Request, string) {
		return func(_ *fakeHub, w http.ResponseWriter, _ *http.Request, _ string) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
		}
	}
	troubles := map[string]func(h *fakeHub, w http.ResponseWriter, r *http.Request, name string){
		"drops the connection": func(*fakeHub, http.ResponseWriter, *http.Request, string) { panic(http.ErrAbortHandler) },
		"drops it in the middle": func(h *fakeHub, w http.ResponseWriter, r *http.Request, name string) {
			h.serve(&short{w, 5000}, r, name)
			panic(http.ErrAbortHandler)
		},
		"stalls before the header": func(_ *fakeHub, _ http.ResponseWriter, r *http.Request, _ string) { hang(r) },
		"stalls in the middle": func(h *fakeHub, w http.ResponseWriter, r *http.Request, name string) {
			h.serve(&short{w, 5000}, r, name)
			w.(http.Flusher).Flush()
			hang(r)
		},
		"sends another range": func(h *fakeHub, w http.ResponseWriter, _ *http.Request, name string) {
			half(h, w, name)
			w.Header().Set("Content-Range", "bytes 5-9999999/10000000")
			w.WriteHeader(http.StatusPartialContent)
		},
		"500":                      status(500),
		"503 with a date":          status(503, "Retry-After", "Mon, 02 Jan 2006 15:04:05 GMT"),
		"429":                      status(429, "Retry-After", "0"),
		"429 with the hub's limit": status(429, "RateLimit", `"resolvers";r=0;t=0`),
	}
	for what, strike := range troubles {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			files := map[string][]byte{"params.json": []byte("{}"), "consolidated.safetensors": pseudo(3, 6*testChunk+1)}
			h := newFakeHub(t, files)
			h.trouble = func(w http.ResponseWriter, r *http.Request, name string, n int) bool {
				if n >= 3 {
					return false
				}
				strike(h, w, r, name)
				return true
			}
			c := h.client(t)
			dir, err := c.Pull(context.Background(), testRepo, nil)
			if err != nil {
				t.Fatal(err)
			}
			wantFiles(t, h, dir, "params.json", "consolidated.safetensors")
			// What a broken connection had in flight may come twice: 3 buffers of the fake server.
			if extra := h.sentBytes() - int64(6*testChunk+1+2); extra > 3*5000 {
				t.Errorf("%d bytes came twice", extra)
			}
		})
	}
}

// short lets n bytes through and loses the rest.
type short struct {
	http.ResponseWriter
	n int
}

func (s *short) Write(b []byte) (int, error) {
	k := min(s.n, len(b))
	s.n -= k
	s.ResponseWriter.Write(b[:k])
	if k < len(b) {
		return k, io.ErrShortWrite
	}
	return k, nil
}

func TestPullGivesUp(t *testing.T) {
	t.Parallel()
	h := newFakeHub(t, mistral(testChunk))
	h.trouble = func(w http.ResponseWriter, _ *http.Request, _ string, _ int) bool { w.WriteHeader(502); return true }
	wantError(t, h.client(t), testRepo, "hub: pull "+testRepo, "given up after 4 attempts", "502")

	h = newFakeHub(t, h.files)
	h.trouble = func(w http.ResponseWriter, _ *http.Request, _ string, _ int) bool {
		w.Header().Set("Retry-After", "86400")
		w.WriteHeader(429)
		return true
	}
	wantError(t, h.client(t), testRepo, "asks to wait 24h", "429")
}

func TestPullWaitsAsTold(t *testing.T) {
	t.Parallel()
	h := newFakeHub(t, map[string][]byte{"a.gguf": pseudo(4, 10)})
	h.trouble = func(w http.ResponseWriter, _ *http.Request, _ string, n int) bool {
		if n > 0 {
			return false
		}
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(429)
		return true
	}
	start := time.Now()
	if _, err := h.client(t).Pull(context.Background(), testRepo+":*.gguf", nil); err != nil {
		t.Fatal(err)
	}
	if waited := time.Since(start); waited < time.Second {
		t.Errorf("waited %v where the server asked for 1 s", waited)
	}
}

// The server has another version for the first requests, under another ETag.
func TestPullETagChanges(t *testing.T) {
	t.Parallel()
	h := newFakeHub(t, map[string][]byte{"a.gguf": pseudo(5, 10*testChunk)})
	old := &fakeHub{files: map[string][]byte{"a.gguf": pseudo(6, 10*testChunk)}}
	h.trouble = func(w http.ResponseWriter, r *http.Request, name string, n int) bool {
		if n >= 5 {
			return false
		}
		old.serve(w, r, name)
		return true
	}
	dir, err := h.client(t).Pull(context.Background(), testRepo+":a.gguf", nil)
	if err != nil {
		t.Fatal(err)
	}
	wantFiles(t, h, dir, "a.gguf")

	var n atomic.Int32
	h = newFakeHub(t, h.files)
	h.trouble = func(w http.ResponseWriter, _ *http.Request, _ string, _ int) bool {
		w.Header().Set("ETag", time.Duration(n.Add(1)).String())
		return false
	}
	wantError(t, h.client(t), testRepo+":a.gguf", "a.gguf", "changed on the server")
}

func TestPullWithoutRanges(t *testing.T) {
	t.Parallel()
	h := newFakeHub(t, map[string][]byte{"a.gguf": pseudo(7, 10*testChunk+3)})
	var breaks atomic.Int32
	h.trouble = func(w http.ResponseWriter, r *http.Request, name string, n int) bool {
		r.Header.Del("Range")
		if n == 0 || breaks.Load() == 2 {
			return false
		}
		breaks.Add(1)
		h.serve(&short{w, 3 * testChunk}, r, name)
		panic(http.ErrAbortHandler)
	}
	dir, err := h.client(t).Pull(context.Background(), testRepo+":a.gguf", nil)
	if err != nil {
		t.Fatal(err)
	}
	wantFiles(t, h, dir, "a.gguf")
	if breaks.Load() != 2 {
		t.Errorf("the stream broke %d times, want 2", breaks.Load())
	}
}

// An odd answer among good ones, the whole file or another version, loses
// nothing of what has arrived.
func TestPullOddAnswers(t *testing.T) {
	t.Parallel()
	for what, odd := range map[string]func(h *fakeHub, w http.ResponseWriter, r *http.Request, name string){
		"the whole file": func(h *fakeHub, w http.ResponseWriter, r *http.Request, name string) {
			w.Header().Set("Content-Length", strconv.Itoa(len(h.files[name])))
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			hang(r)
		},
		"another version": func(h *fakeHub, w http.ResponseWriter, r *http.Request, name string) {
			w.Header().Set("ETag", "another")
			w.Header().Set("Content-Range", strings.Replace(r.Header.Get("Range"), "=", " ", 1)+"/"+strconv.Itoa(len(h.files[name])))
			w.WriteHeader(http.StatusPartialContent)
		},
	} {
		const size = 20*testChunk + 7
		h := newFakeHub(t, map[string][]byte{"a.gguf": pseudo(12, size)})
		h.trouble = func(w http.ResponseWriter, r *http.Request, name string, n int) bool {
			if n < 4 || n%5 > 0 {
				return false
			}
			odd(h, w, r, name)
			return true
		}
		dir, err := h.client(t).Pull(context.Background(), testRepo+":a.gguf", nil)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		wantFiles(t, h, dir, "a.gguf")
		if extra := h.sentBytes() - size; extra > 0 {
			t.Errorf("%s: %d bytes came twice", what, extra)
		}
	}
}

func TestPullWrongBytes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a.gguf", "a.txt"} { // SHA-256 and git's SHA-1
		h := newFakeHub(t, map[string][]byte{name: pseudo(8, 5*testChunk)})
		bad := &fakeHub{files: map[string][]byte{name: pseudo(9, 5*testChunk)}}
		cut := &fakeHub{files: map[string][]byte{name: pseudo(9, 100)}}
		var short atomic.Bool
		h.trouble = func(w http.ResponseWriter, r *http.Request, name string, _ int) bool {
			if short.Load() {
				r.Header.Del("Range") // or it would be refused as beyond the end
				cut.serve(w, r, name)
			} else {
				bad.serve(w, r, name)
			}
			return true
		}
		c := h.client(t)
		wantError(t, c, testRepo+":"+name, name, "its hash is", "deleted, run again")
		if rest := leftovers(t, c, ""); len(rest) > 0 {
			t.Errorf("left over: %v", rest)
		}
		if files, _ := newFolder(c.CacheDir, testRepo).files(testCommit); len(files) > 0 {
			t.Errorf("the snapshot holds %v", files)
		}
		short.Store(true) // another length is told at once
		wantError(t, c, testRepo+":"+name, "100", "81920", "run again")
		h.calm()
		if _, err := c.Pull(context.Background(), testRepo+":"+name, nil); err != nil {
			t.Error(err)
		}
	}
}

// A CDN on another port is another host: it must not see the token. Its
// addresses run out, and the hub is asked for a new one.
func TestPullRedirects(t *testing.T) {
	t.Parallel()
	h := newFakeHub(t, map[string][]byte{"dir/a b.gguf": pseudo(10, 8*testChunk)})
	var atCDN, late atomic.Int32
	cdn := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" {
			t.Error("the token went to the CDN")
		}
		if atCDN.Add(1) == 3 {
			late.Add(1)
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.Header().Set("ETag", time.Now().String()) // CDNs differ; the hub's own ETag counts
		h.serve(w, r, strings.TrimPrefix(r.URL.Path, "/signed/"))
	}))
	t.Cleanup(cdn.Close)
	h.trouble = func(w http.ResponseWriter, r *http.Request, name string, _ int) bool {
		if r.Header.Get("Authorization") != "Bearer hf_secret" {
			t.Errorf("the hub got the token %q", r.Header.Get("Authorization"))
		}
		w.Header().Set("X-Linked-Etag", `"`+hashOf(name, h.files[name]).etag()+`"`)
		http.Redirect(w, r, cdn.URL+"/signed/"+name, http.StatusFound)
		return true
	}
	c := h.client(t)
	c.Token = "hf_secret"
	dir, err := c.Pull(context.Background(), testRepo+":**/*.gguf", nil)
	if err != nil {
		t.Fatal(err)
	}
	wantFiles(t, h, dir, "dir/a b.gguf")
	if late.Load() != 1 || h.asked < 2 || h.asked > 6 {
		t.Errorf("the CDN refused %d times and the hub was asked %d times", late.Load(), h.asked)
	}
}

func TestRedirectToPlainHTTP(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
	}))
	t.Cleanup(server.Close)
	c := &Client{Endpoint: server.URL, CacheDir: t.TempDir(), HTTP: server.Client()}
	wantError(t, c, testRepo, "redirects to http://127.0.0.1:1", "not safe")
}

func TestPullCancelled(t *testing.T) {
	t.Parallel()
	h := newFakeHub(t, map[string][]byte{"a.gguf": pseudo(11, 20*testChunk)})
	stuck := make(chan struct{}, 100)
	h.trouble = func(w http.ResponseWriter, r *http.Request, name string, n int) bool {
		if n < 12 {
			return false
		}
		h.serve(&short{w, testChunk / 2}, r, name)
		w.(http.Flusher).Flush()
		stuck <- struct{}{}
		hang(r)
		return true
	}
	c := h.client(t)
	c.Stall = time.Minute
	ctx, cancel := context.WithCancelCause(context.Background())
	var stopped time.Time
	go func() {
		for range 4 {
			<-stuck
		}
		time.Sleep(100 * time.Millisecond) // for what is under way
		stopped = time.Now()
		cancel(errors.New("interrupt"))
	}()
	_, err := c.Pull(ctx, testRepo+":a.gguf", nil)
	if !errors.Is(err, context.Canceled) || time.Since(stopped) > time.Second {
		t.Fatalf("%v after %v", err, time.Since(stopped))
	}
	h.calm()
	if _, err := c.Pull(context.Background(), testRepo+":a.gguf", nil); err != nil {
		t.Fatal(err)
	}
	// Halves of chunks count too: only what the server had sent and we had not
	// read may come twice.
	if extra := h.sentBytes() - 20*testChunk; extra > 4*testChunk/2 {
		t.Errorf("%d bytes came twice", extra)
	}
}

func TestPullFullDisk(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		diskFull = syscall.Errno(112) // ERROR_DISK_FULL
	}
	h := newFakeHub(t, map[string][]byte{"a.gguf": pseudo(12, 10*testChunk)})
	c := h.client(t)
	c.free = func(string) (uint64, error) { return 10*testChunk - 1, nil }
	wantError(t, c, testRepo+":a.gguf", "163.8 kB are still to be fetched", "163.8 kB free", "HF_HUB_CACHE")
	if h.asked != 0 {
		t.Error("a file was asked for although it does not fit")
	}
	c.free = nil
	left := int64(6 * testChunk)
	c.Parallel = 1 // so that the writer needs no lock
	c.writer = func(w io.WriterAt) io.WriterAt { return &smallDisk{w, &left} }
	err := wantError(t, c, testRepo+":a.gguf", "the disk is full", "free some space and run again")
	if !errors.Is(err, diskFull) {
		t.Errorf("%v does not wrap %v", err, diskFull)
	}
	before := h.sentBytes()
	c.writer = nil
	c.free = func(string) (uint64, error) { return 4 * testChunk, nil } // the rest fits
	dir, err := c.Pull(context.Background(), testRepo+":a.gguf", nil)
	if err != nil {
		t.Fatal(err)
	}
	wantFiles(t, h, dir, "a.gguf")
	if rest := h.sentBytes() - before; rest > 4*testChunk {
		t.Errorf("%d bytes were fetched where 4 chunks were missing", rest)
	}
}

var diskFull = syscall.ENOSPC

type smallDisk struct {
	io.WriterAt
	left *int64
}

func (d *smallDisk) WriteAt(b []byte, at int64) (int, error) {
	if *d.left -= int64(len(b)); *d.left < 0 {
		return 0, &os.PathError{Op: "write", Path: "blob", Err: diskFull}
	}
	return d.WriterAt.WriteAt(b, at)
}

// Two pulls at once share the work through the lock of the blob.
func TestPullTwiceAtOnce(t *testing.T) {
	t.Parallel()
	h := newFakeHub(t, mistral(20*testChunk))
	c := h.client(t)
	errs := make(chan error)
	for range 2 {
		go func() {
			_, err := c.Pull(context.Background(), testRepo, nil)
			errs <- err
		}()
	}
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if want := int64(23*testChunk + 5 + 10); h.sentBytes() != want {
		t.Errorf("%d bytes were sent, want %d", h.sentBytes(), want)
	}
}
