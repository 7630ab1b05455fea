package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const repo = "owner/little"

// serveHub answers as the hub does, for one repository, and makes it the hub of
// the test.
func serveHub(t *testing.T, files map[string]string) {
	t.Helper()
	const commit = "0123456789abcdef0123456789abcdef01234567"
	var siblings []map[string]any
	hashes := map[string]string{}
	for name, text := range files {
		sum := sha256.Sum256([]byte(text))
		hashes[name] = hex.EncodeToString(sum[:])
		siblings = append(siblings, map[string]any{"rfilename": name, "lfs": map[string]any{"size": len(text), "sha256": hashes[name]}})
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/models/"+repo+"/revision/main" {
			json.NewEncoder(w).Encode(map[string]any{"sha": commit, "siblings": siblings})
			return
		}
		name, _ := strings.CutPrefix(r.URL.Path, "/"+repo+"/resolve/"+commit+"/")
		text, ok := files[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("ETag", `"`+hashes[name]+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader([]byte(text)))
	}))
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"HF_ENDPOINT": server.URL, "HF_HOME": t.TempDir(), "HF_TOKEN": "", "HF_HUB_CACHE": "", "HUGGINGFACE_HUB_CACHE": "",
		"HF_HUB_OFFLINE": "", "HUGGING_FACE_HUB_TOKEN": "", "HF_TOKEN_PATH": "",
	} {
		t.Setenv(name, value)
	}
}

// A model that was fetched runs by its name, is listed, and can be removed.
func TestPull(t *testing.T) {
	files := map[string]string{"README.md": "Not needed."}
	for _, name := range []string{"params.json", "consolidated.safetensors", "tekken.json"} {
		files[name] = read(t, "../../model/pocket/"+name)
	}
	serveHub(t, files)
	if r := ok(t, "", "models"); r.out != "" || !strings.Contains(r.err, "no models were fetched yet") {
		t.Errorf("%s%s", r.out, r.err)
	}
	if r := px(t, "", "run", "-m", repo, "x"); r.code != failed || !strings.Contains(r.err, "not in the cache") || !strings.Contains(r.err, "pixtral-wgpu pull "+repo+"\n") {
		t.Errorf("exit code %d, %s", r.code, r.err)
	}
	r := ok(t, "", "pull", repo)
	if dir := strings.TrimSpace(r.out); read(t, filepath.Join(dir, "params.json")) != files["params.json"] || !strings.HasPrefix(r.err, "3 files, ") {
		t.Errorf("%s%s", r.out, r.err)
	}
	want := askJSON(t, "", circle, "What is this?").Tokens
	if got := askJSON(t, "", "-m", repo, circle, "What is this?").Tokens; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	var list []listed
	if okJSON(t, &list, "", "models", "--json"); len(list) != 1 || list[0].Repo != repo || !slices.Equal(list[0].Revisions, []string{"main"}) || list[0].Bytes < 2e6 {
		t.Errorf("%+v", list)
	}
	if out := ok(t, "", "models").out; !strings.Contains(out, repo+"  7.") || !strings.Contains(out, " MB ") || !strings.Contains(out, "  main\n") {
		t.Error(out)
	}
	ok(t, "", "models", "rm", repo)
	if okJSON(t, &list, "", "models", "--json"); len(list) != 0 {
		t.Errorf("%+v", list)
	}
	if r := px(t, "", "models", "rm", repo); r.code != failed || !strings.Contains(r.err, "not in the cache") {
		t.Errorf("exit code %d, %s", r.code, r.err)
	}
}

// Of several GGUF files a pattern says which.
func TestPullPattern(t *testing.T) {
	dir := t.TempDir()
	ok(t, "", "quantize", "--quant", "q8_0", "--out", dir)
	ok(t, "", "quantize", "--quant", "f16", "--out", dir)
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		files[e.Name()] = read(t, filepath.Join(dir, e.Name()))
	}
	serveHub(t, files)
	if r := px(t, "", "pull", repo); r.code != failed || !strings.Contains(r.err, "choose with REPO:PATTERN") {
		t.Errorf("exit code %d, %s", r.code, r.err)
	}
	ok(t, "", "pull", repo+":*.gguf")
	want := askJSON(t, "", "--quant", "q8_0", circle, "What is this?").Tokens
	if got := askJSON(t, "", "-m", repo+":*q8_0.gguf", circle, "What is this?").Tokens; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if r := px(t, "", "run", "-m", repo+":*.gguf", "x"); r.code != failed || !strings.Contains(r.err, "name one text model and one mmproj") {
		t.Errorf("exit code %d, %s", r.code, r.err)
	}
}
