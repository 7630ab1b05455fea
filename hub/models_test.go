package hub

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// write makes a file and its folders.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// symlink makes a link and its folders.
func symlink(t *testing.T, target, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// pythonCache is a cache as huggingface_hub leaves it: a blob of its own and
// one in the store that repositories share.
func pythonCache(t *testing.T) (c *Client, payload string) {
	t.Helper()
	cache := t.TempDir()
	hash := strings.Repeat("c0", 32)
	payload = filepath.Join(cache, "blobs", "c0", hash)
	write(t, payload, "weights")
	write(t, payload+".refs", "models--a--one/blobs/x\nmodels--b--two/blobs/x\n")
	write(t, filepath.Join(cache, "blobs", ".huggingface-shared-blobs"), "1\n")
	write(t, filepath.Join(cache, "CACHEDIR.TAG"), "Signature: 8a477f597d28d172789f06886806bc55\n")
	for _, repo := range []string{"models--a--one", "models--b--two"} {
		dir := filepath.Join(cache, repo)
		write(t, filepath.Join(dir, "refs", "main"), testCommit)
		write(t, filepath.Join(dir, "refs", "refs", "pr", "1"), testCommit)
		write(t, filepath.Join(dir, "blobs", "aa"), `{"dim": 8}`)
		symlink(t, filepath.Join("..", "..", "blobs", "c0", hash), filepath.Join(dir, "blobs", "bb"))
		symlink(t, filepath.Join("..", "..", "blobs", "aa"), filepath.Join(dir, "snapshots", testCommit, "params.json"))
		symlink(t, filepath.Join("..", "..", "blobs", "bb"), filepath.Join(dir, "snapshots", testCommit, "consolidated.safetensors"))
	}
	write(t, filepath.Join(cache, "models--a--one", "blobs", "cc.1a2b3c4d.incomplete"), "half")
	return &Client{CacheDir: cache}, payload
}

func TestPythonCache(t *testing.T) {
	c, payload := pythonCache(t)
	models, err := c.List()
	if err != nil || len(models) != 2 {
		t.Fatalf("%v, %v", models, err)
	}
	m := models[0]
	if m.Repo != "a/one" || m.Size != 17 || m.Partial != 4 || time.Since(m.LastUse) > time.Hour || len(m.Revisions) != 1 {
		t.Errorf("the model is %+v", m)
	}
	if r := m.Revisions[0]; r.Commit != testCommit || !slices.Equal(r.Refs, []string{"main", "refs/pr/1"}) || len(r.Files) != 2 {
		t.Errorf("the revision is %+v", r)
	}
	want := m.Revisions[0].Dir
	for _, text := range []string{"a/one", "a/one@refs/pr/1", "a/one@" + testCommit, "a/one:*.safetensors", "a/one:{params,x}.json"} {
		if dir, err := c.Find(text); dir != want || err != nil {
			t.Errorf("find %s: %s, %v", text, dir, err)
		}
	}
	for _, text := range []string{"a/three", "a/one@v2", "a/one:*.gguf", "a/one@" + strings.Repeat("00", 20)} {
		if _, err := c.Find(text); !errors.Is(err, ErrNotCached) {
			t.Errorf("find %s: %v, want ErrNotCached", text, err)
		}
	}
	// The shared weights stay while one repository links to them.
	for i, repo := range []string{"a/one", "b/two"} {
		if err := c.Remove(repo); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(payload); (err == nil) != (i == 0) {
			t.Errorf("after %d removals: %v", i+1, err)
		}
	}
	if models, err := c.List(); err != nil || len(models) != 0 {
		t.Errorf("after all removals: %v, %v", models, err)
	}
	if err := c.Remove("a/one"); !errors.Is(err, ErrNotCached) {
		t.Errorf("a second removal: %v", err)
	}
	if err := c.Remove("../one"); err == nil || errors.Is(err, ErrNotCached) {
		t.Errorf("removal outside of the cache: %v", err)
	}
}

func TestFindIncomplete(t *testing.T) {
	c := &Client{CacheDir: t.TempDir()}
	snapshot := newFolder(c.CacheDir, "a/hf").snapshot(testCommit)
	for _, name := range []string{"config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors"} {
		write(t, filepath.Join(snapshot, name), "{}")
	}
	if _, err := c.Find("a/hf"); !errors.Is(err, ErrNotCached) || !strings.Contains(err.Error(), "model-00002-of-00002.safetensors is missing") {
		t.Errorf("one shard of two: %v", err)
	}
	symlink(t, "nowhere", filepath.Join(snapshot, "model-00002-of-00002.safetensors"))
	if _, err := c.Find("a/hf"); !errors.Is(err, ErrNotCached) {
		t.Errorf("a broken link for a shard: %v", err)
	}
	write(t, filepath.Join(newFolder(c.CacheDir, "a/gguf").snapshot(testCommit), "m.Q4_K.gguf"), "GGUF")
	if _, err := c.Find("a/gguf"); err != nil { // no refs: the only snapshot
		t.Error(err)
	}
	if models, err := (&Client{CacheDir: filepath.Join(c.CacheDir, "none")}).List(); err != nil || models != nil {
		t.Errorf("a cache that is not there: %v, %v", models, err)
	}
}

func TestOffline(t *testing.T) {
	c, _ := pythonCache(t)
	c.Offline, c.Endpoint = true, "http://127.0.0.1:1"
	if _, err := c.Pull(context.Background(), "a/one", nil); err != nil {
		t.Error(err)
	}
	if _, err := c.Pull(context.Background(), "a/three", nil); !errors.Is(err, ErrOffline) || !errors.Is(err, ErrNotCached) {
		t.Errorf("%v, want ErrOffline and ErrNotCached", err)
	}
	if _, err := c.Resolve(context.Background(), "a/one", ""); !errors.Is(err, ErrOffline) {
		t.Errorf("%v, want ErrOffline", err)
	}
}

// A file that another commit already brought is linked, not fetched; without
// symbolic links it becomes a hard link, without those a file of its own.
func TestLinks(t *testing.T) {
	refuse := func(string, string) error { return os.ErrPermission }
	for _, hard := range []bool{true, false} {
		h := newFakeHub(t, mistral(5))
		c := h.client(t)
		c.symlink = refuse
		if !hard {
			c.hard = refuse
		}
		dir, err := c.Pull(context.Background(), testRepo, nil)
		if err != nil {
			t.Fatal(err)
		}
		wantFiles(t, h, dir, mistralFiles...)
		if blobs := leftovers(t, c, ""); (len(blobs) == 3) != hard {
			t.Errorf("hard links %v: the blobs are %v", hard, blobs)
		}
		if !hard {
			continue
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		c.hard = refuse
		before := h.sentBytes()
		if _, err := c.Pull(context.Background(), testRepo, nil); err != nil || h.sentBytes() != before {
			t.Errorf("%v, %d bytes fetched where the blobs were there", err, h.sentBytes()-before)
		}
		wantFiles(t, h, dir, mistralFiles...)
	}
}

func TestFromEnv(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{"HF_ENDPOINT", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HOME",
		"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME", "HF_HUB_OFFLINE"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	want := func(want Client) {
		t.Helper()
		c, err := FromEnv()
		if err != nil || c.Endpoint != want.Endpoint || c.Token != want.Token || c.CacheDir != want.CacheDir || c.Offline != want.Offline {
			t.Errorf("%+v, %v; want %+v", c, err, want)
		}
	}
	want(Client{CacheDir: filepath.Join(home, ".cache", "huggingface", "hub")})
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, "xdg"))
	want(Client{CacheDir: filepath.Join(home, "xdg", "huggingface", "hub")})
	t.Setenv("HF_HOME", "~/hf")
	write(t, filepath.Join(home, "hf", "token"), "hf_file\n")
	want(Client{CacheDir: filepath.Join(home, "hf", "hub"), Token: "hf_file"})
	t.Setenv("HF_TOKEN", " hf_env\n")
	t.Setenv("HF_HUB_CACHE", "$HF_HOME/other")
	t.Setenv("HF_ENDPOINT", "http://127.0.0.1:1/")
	t.Setenv("HF_HUB_OFFLINE", "yes")
	want(Client{CacheDir: home + "/hf/other", Token: "hf_env", Endpoint: "http://127.0.0.1:1", Offline: true})
}
