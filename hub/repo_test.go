package hub

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseSpec(t *testing.T) {
	good := map[string]spec{
		"gpt2":                           {"gpt2", "main", false, ""},
		"mistralai/Pixtral-12B-2409":     {"mistralai/Pixtral-12B-2409", "main", false, ""},
		"a/b@refs/pr/1":                  {"a/b", "refs/pr/1", true, ""},
		"a/b.c_d:*Q4_K_M.gguf":           {"a/b.c_d", "main", false, "*Q4_K_M.gguf"},
		"a/b@v1:{*Q4_0,mmproj@2:*}.gguf": {"a/b", "v1", true, "{*Q4_0,mmproj@2:*}.gguf"},
	}
	for text, want := range good {
		if got, err := parseSpec(text); got != want || err != nil {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "/", "a/", "a/b/c", "..", "a/..", "a/b--c", "a/.b", "a/b.git", "a b", "a/b@", "a/b:",
		"a/b:[", "a/b@../x", "a/b@/x", "a/b@x\\y", "https://huggingface.co/a/b", "-a/b", strings.Repeat("x", 97)} {
		if got, err := parseSpec(text); err == nil {
			t.Errorf("%q: %+v, want an error", text, got)
		}
	}
}

const sibling = `{"sha": "` + testCommit + `", "siblings": [{"rfilename": %q, "size": %s, "blobId": %q, "lfs": %s}]}`

func TestDecodeRepoHostile(t *testing.T) {
	blob := strings.Repeat("ab", 20)
	good := fmt.Sprintf(sibling, "a/b.json", "5", blob, "null")
	if r, err := decodeRepo([]byte(good)); err != nil || r.Files[0] != (File{Name: "a/b.json", Size: 5, Blob: blob}) {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, name := range []string{"", ".", "..", "../x", "a/../../x", "/etc/passwd", "a//b", "a/", `a\..\..\x`, "C:/x", "a/x:stream",
		"a\x00b", "a\nb", "\x1b[2J", "\x7f"} {
		if r, err := decodeRepo([]byte(fmt.Sprintf(sibling, name, "5", blob, "null"))); err == nil {
			t.Errorf("%q is accepted as %+v", name, r.Files)
		}
	}
	for _, bad := range []string{
		"", "null", "[]", `{"sha": "main"}`, `{"sha": "../../../../x"}`,
		fmt.Sprintf(sibling, "a", "-1", blob, "null"),
		fmt.Sprintf(sibling, "a", "null", blob, "null"), // an endpoint that knows no ?blobs=true
		fmt.Sprintf(sibling, "a", "1152921504606846976", blob, "null"),
		fmt.Sprintf(sibling, "a", "5", "../../x", "null"),
		fmt.Sprintf(sibling, "a", "5", "", "null"),
		fmt.Sprintf(sibling, "a", "5", blob, `{"sha256": "../x", "size": 5}`),
		fmt.Sprintf(sibling, "a", "5", blob, `{"size": 5}`)[:40],
		strings.Replace(good, `}]`, `}, {"rfilename": "a/b.json", "size": 5, "blobId": "`+blob+`"}]`, 1),
	} {
		if r, err := decodeRepo([]byte(bad)); err == nil {
			t.Errorf("%s is accepted as %+v", bad, r)
		}
	}
}

// Whatever is accepted stays inside of the cache and is small to keep track of.
func FuzzDecodeRepo(f *testing.F) {
	blob := strings.Repeat("ab", 20)
	f.Add([]byte(fmt.Sprintf(sibling, "a/b.json", "5", blob, "null")))
	f.Add([]byte(fmt.Sprintf(sibling, "../b", "5", blob, `{"sha256": "`+strings.Repeat("0f", 32)+`", "size": 9}`)))
	f.Fuzz(func(t *testing.T, list []byte) {
		r, err := decodeRepo(list)
		if err != nil {
			return
		}
		for _, file := range r.Files {
			path := newFolder("cache", "a/b").pointer(r.Commit, file.Name)
			inside, err := filepath.Rel(newFolder("cache", "a/b").snapshot(r.Commit), path)
			if err != nil || !filepath.IsLocal(inside) || strings.ContainsAny(file.etag(), `/\.`) || file.Size < 0 || file.Size > fileBytes {
				t.Errorf("%+v is accepted", file)
			}
		}
	})
}

func TestPick(t *testing.T) {
	hf := []string{"config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
		"tokenizer.json", "preprocessor_config.json", "pytorch_model.bin", "onnx/model.onnx", "README.md"}
	cases := []struct {
		glob        string
		files, want []string
		words       string
	}{
		{"", append(mistralFiles, hf...), mistralFiles, ""},
		{"", []string{"params.json", "consolidated-00001-of-00002.safetensors", "consolidated-00002-of-00002.safetensors", "x/params.json"},
			[]string{"params.json", "consolidated-00001-of-00002.safetensors", "consolidated-00002-of-00002.safetensors"}, ""},
		{"", hf, hf[:6], ""},
		{"", []string{"config.json", "model.safetensors", "model.fp16.safetensors", "tekken.json"}, []string{"config.json", "model.safetensors", "tekken.json"}, ""},
		{"", []string{"a.Q4_0.gguf", "sub/b.GGUF", "README.md"}, nil, "REPO:PATTERN"},
		{"", []string{"README.md"}, nil, "no model that this program runs"},
		{"", nil, nil, "no files"},
		{"*.gguf", []string{"a.Q4_0.gguf", "sub/b.gguf", "c"}, []string{"a.Q4_0.gguf", "sub/b.gguf"}, ""},
		{"sub/*", []string{"a.gguf", "sub/b.gguf"}, []string{"sub/b.gguf"}, ""},
		{"*Q8*", []string{"a.Q4_0.gguf"}, nil, "a.Q4_0.gguf"},
	}
	for _, c := range cases {
		var files []File
		for _, name := range c.files {
			files = append(files, File{Name: name, Size: 25_400_000_000})
		}
		picked, err := pick(files, c.glob)
		var got []string
		for _, f := range picked {
			got = append(got, f.Name)
		}
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) || (err == nil) != (c.words == "") || err != nil && !strings.Contains(err.Error(), c.words) {
			t.Errorf("%q of %v: %v, %v", c.glob, c.files, got, err)
		}
		if err != nil && strings.Contains(strings.Join(c.files, " "), "a.Q4") && !strings.Contains(err.Error(), "25.4 GB  a.Q4_0.gguf") {
			t.Errorf("%v does not list the files with their sizes", err)
		}
	}
}

// The refusals of the hub, as huggingface_hub knows them, and what we say.
func TestRefusals(t *testing.T) {
	cases := []struct {
		status        int
		code, message string
		token         string
		words         []string
	}{
		{401, "GatedRepo", "Access restricted", "", []string{"gated", "accept its terms at", testRepo, "HF_TOKEN"}},
		{403, "GatedRepo", "", "hf_x", []string{"gated", "accept its terms at", "right to read gated"}},
		{401, "RepoNotFound", "", "", []string{"no such repository", "spelling", "private", "HF_TOKEN"}},
		{401, "", "Invalid credentials in Authorization header", "hf_x", []string{"does not accept the token", "settings/tokens"}},
		{404, "RepoNotFound", "", "hf_x", []string{"no such repository", "spelling"}},
		{404, "RevisionNotFound", "", "", []string{`no revision "v9"`, "/tree/main"}},
		{403, "", "no right", "hf_x", []string{"forbidden", "no right", "HF_TOKEN"}},
		{418, "", "", "", []string{"418"}},
	}
	for _, c := range cases {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.EscapedPath() != "/api/models/"+testRepo+"/revision/v9" || r.URL.RawQuery != "blobs=true" {
				t.Errorf("asked for %s", r.URL)
			}
			w.Header().Set("X-Error-Code", c.code)
			w.Header()["X-Error-Message"] = []string{c.message}
			w.WriteHeader(c.status)
		}))
		client := &Client{Endpoint: server.URL, CacheDir: t.TempDir(), Token: c.token, Backoff: time.Millisecond}
		err := func() error { _, err := client.Resolve(context.Background(), testRepo, "v9"); return err }()
		for _, word := range c.words {
			if err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("%d %s: %v; want %q in it", c.status, c.code, err, word)
			}
		}
		server.Close()
	}
	client := &Client{Endpoint: "ftp://x", CacheDir: t.TempDir()}
	wantError(t, client, testRepo, "HF_ENDPOINT")
	client = &Client{Endpoint: "http://127.0.0.1:1", Token: "a\nb"}
	wantError(t, client, testRepo, "HF_TOKEN")
	client = &Client{Endpoint: "http://127.0.0.1:1", CacheDir: t.TempDir(), Backoff: time.Millisecond}
	wantError(t, client, testRepo, "given up after 3 attempts") // nobody listens there
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_960: "1.0 MB", 25_400_000_000: "25.4 GB"} {
		if got := Size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
