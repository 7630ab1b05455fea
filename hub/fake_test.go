package hub

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	testRepo   = "owner/tiny-model"
	testCommit = "0123456789abcdef0123456789abcdef01234567"
	testChunk  = 16 << 10
)

// fakeHub answers as the hub does, on the loopback, and misbehaves as told.
type fakeHub struct {
	*httptest.Server
	files map[string][]byte // content by name; *.safetensors and *.gguf are LFS

	// trouble, where set, sees each request for a file, the n-th from 0, and
	// answers it itself if it returns true.
	trouble func(w http.ResponseWriter, r *http.Request, name string, n int) bool

	mu    sync.Mutex
	asked int
	sent  int64 // bytes of file contents written
}

func newFakeHub(t *testing.T, files map[string][]byte) *fakeHub {
	t.Helper()
	h := &fakeHub{files: files}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

func (h *fakeHub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/api/models/"+testRepo+"/revision/") {
		w.Write(h.list())
		return
	}
	name, ok := strings.CutPrefix(r.URL.Path, "/"+testRepo+"/resolve/"+testCommit+"/")
	if !ok {
		w.Header().Set("X-Error-Code", "RepoNotFound")
		w.WriteHeader(http.StatusNotFound)
		return
	}
	h.mu.Lock()
	n, trouble := h.asked, h.trouble
	h.asked++
	h.mu.Unlock()
	if trouble == nil || !trouble(w, r, name, n) {
		h.serve(w, r, name)
	}
}

// calm ends the trouble.
func (h *fakeHub) calm() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trouble = nil
}

// serve sends a file, or the range asked for.
func (h *fakeHub) serve(w http.ResponseWriter, r *http.Request, name string) {
	content := h.files[name]
	if w.Header().Get("ETag") == "" {
		w.Header().Set("ETag", `"`+hashOf(name, content).etag()+`"`)
	}
	http.ServeContent(&counting{w, h}, r, "", time.Time{}, bytes.NewReader(content))
}

type counting struct {
	http.ResponseWriter
	h *fakeHub
}

func (c *counting) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	c.h.sent += int64(n)
	return n, err
}

func (h *fakeHub) sentBytes() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sent
}

// hang says nothing until the client leaves. The bound is for clients that
// have all they wanted and ask for more on the same connection, which the
// server cannot see leave.
func hang(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-time.After(2 * time.Second):
	}
}

// list is the answer of /api/models/REPO/revision/REVISION?blobs=true.
func (h *fakeHub) list() []byte {
	siblings := []map[string]any{}
	for name, content := range h.files {
		f := hashOf(name, content)
		s := map[string]any{"rfilename": name, "size": f.Size, "blobId": strings.Repeat("ab", 20)}
		if f.SHA256 != "" {
			s["lfs"] = map[string]any{"sha256": f.SHA256, "size": f.Size, "pointerSize": 134}
		} else {
			s["blobId"] = f.Blob
		}
		siblings = append(siblings, s)
	}
	text, err := json.Marshal(map[string]any{"id": testRepo, "sha": testCommit, "siblings": siblings})
	if err != nil {
		panic(err)
	}
	return text
}

// hashOf is a file as the hub lists it.
func hashOf(name string, content []byte) File {
	f := File{Name: name, Size: int64(len(content))}
	if strings.HasSuffix(name, ".safetensors") || strings.HasSuffix(name, ".gguf") {
		sum := sha256.Sum256(content)
		f.SHA256 = hex.EncodeToString(sum[:])
		return f
	}
	sum := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(content)), content...))
	f.Blob = hex.EncodeToString(sum[:])
	return f
}

// client is patient for milliseconds where a real one is for seconds.
func (h *fakeHub) client(t *testing.T) *Client {
	return &Client{
		Endpoint: h.URL, CacheDir: filepath.Join(t.TempDir(), "hub"),
		Parallel: 4, ChunkBytes: testChunk, Stall: 300 * time.Millisecond, Retries: 4, Backoff: time.Millisecond,
	}
}

// pseudo is n bytes that repeat nowhere, the same for the same seed.
func pseudo(seed uint64, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return b
}

// mistral is a repository in Mistral's form with other files beside it.
func mistral(size int) map[string][]byte {
	return map[string][]byte{
		"README.md":                []byte("# tiny\n"),
		"params.json":              []byte(`{"dim": 8}`),
		"tekken.json":              pseudo(1, 3*testChunk+5), // several chunks, not LFS
		"consolidated.safetensors": pseudo(2, size),
	}
}

// wantFiles checks that a folder holds exactly these of the hub's files.
func wantFiles(t *testing.T, h *fakeHub, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil || !bytes.Equal(got, h.files[name]) {
			t.Errorf("%s: %d bytes, %v; want the hub's %d", name, len(got), err, len(h.files[name]))
		}
	}
	files, err := (folder{path: filepath.Dir(filepath.Dir(dir))}).files(filepath.Base(dir))
	if err != nil || len(files) != len(names) {
		t.Errorf("the snapshot holds %v, %v; want %v", files, err, names)
	}
}

// wantError checks that a pull fails with all of these words.
func wantError(t *testing.T, c *Client, text string, words ...string) error {
	t.Helper()
	_, err := c.Pull(context.Background(), text, nil)
	if err == nil {
		t.Fatalf("pull %s: no error, want %q", text, words)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("pull %s: %v; want %q in it", text, err, word)
		}
	}
	return err
}

// leftovers are the files of blobs whose names contain a part.
func leftovers(t *testing.T, c *Client, part string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(newFolder(c.CacheDir, testRepo).path, "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if strings.Contains(e.Name(), part) {
			names = append(names, e.Name())
		}
	}
	return names
}
