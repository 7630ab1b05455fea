//go:build unix

package web

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"pixtral-wgpu/tokenizer"
)

// Files are read from below one directory, however their URLs are written and
// whatever lies there.
func TestFiles(t *testing.T) {
	top := t.TempDir()
	dir, secret := filepath.Join(top, "media"), filepath.Join(top, "secret.png")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(dir, "sub"), 0o777))
	must(os.MkdirAll(filepath.Join(top, "media-not"), 0o777))
	for name, data := range map[string]string{
		secret: "secret", filepath.Join(dir, "x.png"): "picture", filepath.Join(dir, "sub", "a b.png"): "picture", filepath.Join(dir, "long.png"): strings.Repeat("x", 101),
		filepath.Join(top, "media-not", "x.png"): "secret",
	} {
		must(os.WriteFile(name, []byte(data), 0o666))
	}
	must(os.Symlink(secret, filepath.Join(dir, "out.png")))
	must(os.Symlink("../secret.png", filepath.Join(dir, "up.png")))
	must(os.Symlink("..", filepath.Join(dir, "parent")))
	must(os.Symlink("x.png", filepath.Join(dir, "in.png")))
	must(os.Symlink("loop.png", filepath.Join(dir, "loop.png")))
	must(syscall.Mkfifo(filepath.Join(dir, "pipe.png"), 0o666))
	m, err := newMedia(Options{MediaDir: dir, MaxImageBytes: 100}, facts{})
	must(err)
	defer m.close()
	read := func(m *media, address string) (string, error) {
		data, err := m.read(t.Context(), tokenizer.Part{Type: tokenizer.PartImageURL, Source: address})
		return string(data), err
	}
	for address, want := range map[string]string{
		"file://" + dir + "/x.png":             "",
		"file://localhost" + dir + "/x.png":    "",
		"FILE://" + dir + "/x.png":             "",
		"file:" + dir + "/x.png":               "",
		"file://" + dir + "/sub/a%20b.png":     "",
		"file://" + dir + "/sub/../x.png":      "",
		"file://" + dir + "/in.png":            "", // a link that stays inside
		"file://" + dir + "/../media/x.png":    "", // goes out and comes back: it is inside
		"file://" + secret:                     "not in the directory",
		"file:///etc/passwd":                   "not in the directory",
		"file://" + dir + "/../secret.png":     "not in the directory",
		"file://" + dir + "/%2e%2e/secret.png": "not in the directory",
		"file://" + dir + "/..%2fsecret.png":   "not in the directory",
		"file://" + dir + "-not/x.png":         "not in the directory",
		"file://" + dir + "/out.png":           "not in the directory",
		"file://" + dir + "/up.png":            "not in the directory",
		"file://" + dir + "/parent/secret.png": "not in the directory",
		"file://" + dir + "/x.png%00.png":      "not in the directory",
		"file:x.png":                           "not in the directory",
		"file://" + dir + "/loop.png":          "not in the directory",
		"file://" + dir + "/none.png":          "no such file",
		"file://" + dir + "/sub":               "not a file",
		"file://" + dir:                        "not a file",
		"file://" + dir + "/pipe.png":          "not a file",
		"file://" + dir + "/long.png":          "longer than",
		"file://example.com" + dir + "/x.png":  "a file URL is",
		"file://%zz":                           "a file URL is",
		"x.png":                                "neither a data URI",
		"../secret.png":                        "neither a data URI",
	} {
		data, err := read(m, address)
		if want == "" && (err != nil || data != "picture") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %q, %v; want %q", strings.ReplaceAll(address, top, ""), data, err, want)
		}
	}
	none, err := newMedia(Options{}, facts{})
	must(err)
	if _, err := read(none, "file://"+dir+"/x.png"); !refused400(err) || !strings.Contains(err.Error(), "--media-dir") {
		t.Errorf("with no directory: %v", err)
	}
	if _, err := newMedia(Options{MediaDir: filepath.Join(top, "nowhere")}, facts{}); err == nil {
		t.Error("a directory that is not there")
	}
}

// What an error says of a place holds no secrets.
func TestPlaceOf(t *testing.T) {
	for source, want := range map[string]string{
		"https://host/x.png?key=secret#part": "https://host/x.png", "http://user:pw@host/": "http://host/", "data:image/png;base64,AAAA": "", "AAAA": "", "http://%zz": "",
	} {
		if got := placeOf(source); got != want {
			t.Errorf("%s: %q, want %q", source, got, want)
		}
	}
}
