package hub

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestMain turns the test binary into a download when the kill test says so.
func TestMain(m *testing.M) {
	if endpoint := os.Getenv("HUB_TEST_PULL"); endpoint != "" {
		c := &Client{Endpoint: endpoint, CacheDir: os.Getenv("HUB_TEST_CACHE"), Parallel: 3, ChunkBytes: 1 << 20}
		_, err := c.Pull(context.Background(), testRepo+":a.gguf", nil)
		fmt.Println("ended before the kill:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// A download in another process is killed with SIGKILL and continued here. At
// most the chunks in flight may be fetched twice.
func TestPullKilled(t *testing.T) {
	t.Parallel()
	const size, chunk, stopAt = 24 << 20, 1 << 20, 12
	h := newFakeHub(t, map[string][]byte{"a.gguf": pseudo(13, size)})
	stuck := make(chan struct{}, 100)
	h.mu.Lock()
	h.trouble = func(w http.ResponseWriter, r *http.Request, name string, n int) bool {
		if n < stopAt {
			return false
		}
		h.serve(&short{w, chunk / 2}, r, name)
		w.(http.Flusher).Flush()
		stuck <- struct{}{}
		hang(r)
		return true
	}
	h.mu.Unlock()
	cache := filepath.Join(t.TempDir(), "hub")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "HUB_TEST_PULL="+h.URL, "HUB_TEST_CACHE="+cache)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 3 { // all its connections hang in the middle of a chunk
		select {
		case <-stuck:
		case <-time.After(20 * time.Second):
			t.Fatal("the download never came to its middle")
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()

	h.calm()
	c := &Client{Endpoint: h.URL, CacheDir: cache, Parallel: 3}
	dir, err := c.Pull(context.Background(), testRepo+":a.gguf", nil)
	if err != nil {
		t.Fatal(err)
	}
	wantFiles(t, h, dir, "a.gguf")
	t.Logf("%d of %d bytes came twice", h.sentBytes()-size, size)
	if extra := h.sentBytes() - size; extra > 3*chunk {
		t.Errorf("%d bytes came twice, more than the 3 chunks in flight", extra)
	}
}
