package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Debian compares versions in the order they were made in.
func TestDebVersion(t *testing.T) {
	order := []string{"0.0.0-9-gabcdef0", "0.0.0-12-g1234567", "1.2.0-rc.1", "1.2.0-rc.1-3-gabcdef0", "1.2.0", "1.2.0-5-gabcdef0", "1.2.0-10-gabcdef0", "1.2.1"}
	for i, v := range order[1:] {
		before, after := debVersion(order[i]), debVersion(v)
		if err := exec.Command("dpkg", "--compare-versions", before, "lt", after).Run(); err != nil {
			t.Errorf("%s is not before %s", before, after)
		}
	}
}

// An archive depends on what is in it, not on when or by whom it is made.
func TestArchivesRepeat(t *testing.T) {
	archive := func(write func(*os.File, string, string, time.Time) error) []byte {
		dir := t.TempDir()
		check(t, os.MkdirAll(filepath.Join(dir, "man"), 0o700))
		check(t, os.WriteFile(filepath.Join(dir, "pixtral-wgpu"), []byte("program"), 0o600))
		check(t, os.WriteFile(filepath.Join(dir, "man", "a.1"), []byte("page"), 0o640))
		path := filepath.Join(t.TempDir(), "archive")
		check(t, writeFile(path, func(f *os.File) error { return write(f, dir, "root", time.Unix(earliest, 0).UTC()) }))
		data, err := os.ReadFile(path)
		check(t, err)
		return data
	}
	for name, write := range map[string]func(*os.File, string, string, time.Time) error{"tar.gz": writeTarGz, "zip": writeZip} {
		first := archive(write)
		time.Sleep(10 * time.Millisecond)
		if !bytes.Equal(first, archive(write)) {
			t.Errorf("%s: two archives of the same files differ", name)
		}
	}
	path := filepath.Join(t.TempDir(), "a.tar.gz")
	check(t, os.WriteFile(path, archive(writeTarGz), 0o666))
	list, err := exec.Command("tar", "--numeric-owner", "-tvzf", path).Output()
	check(t, err)
	for _, want := range []string{"-rwxr-xr-x 0/0 ", " root/pixtral-wgpu", "-rw-r--r-- 0/0 ", " root/man/a.1"} {
		if !strings.Contains(string(list), want) {
			t.Errorf("%q is not in\n%s", want, list)
		}
	}
}

// Every module in the program brings its licence along, and the C parts too.
func TestLicences(t *testing.T) {
	t.Chdir("..")
	dir := t.TempDir()
	check(t, targetsByName["linux/amd64"].writeLicences(dir))
	for _, name := range []string{"github.com/spf13/cobra/LICENSE.txt", "golang.org/x/image/LICENSE", "wgpu-native/LICENCES", "page/LICENCES", "go/LICENSE"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	module := t.TempDir()
	if n, err := gather(t.TempDir(), module, module); n != 0 || err != nil {
		t.Errorf("a module without a licence has %d, %v", n, err)
	}
}

// The formula names the archives that are there, with their sums, and no others.
func TestFormula(t *testing.T) {
	b := build{version: "1.2.3", out: t.TempDir(), url: "https://example.com/v1.2.3/"}
	check(t, os.WriteFile(filepath.Join(b.out, "pixtral-wgpu-1.2.3-darwin-arm64.tar.gz"), []byte("x"), 0o666))
	check(t, b.writeSums())
	check(t, b.writeFormula())
	data, err := os.ReadFile(filepath.Join(b.out, "pixtral-wgpu.rb"))
	check(t, err)
	sum := "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" // of x
	formula := string(data)
	if !strings.Contains(formula, `url "https://example.com/v1.2.3/pixtral-wgpu-1.2.3-darwin-arm64.tar.gz"`) || !strings.Contains(formula, `sha256 "`+sum+`"`) {
		t.Error(formula)
	}
	if strings.Contains(formula, "on_linux") || strings.Contains(formula, "amd64") {
		t.Errorf("archives that are not there: %s", formula)
	}
	sums, err := os.ReadFile(filepath.Join(b.out, sums))
	check(t, err)
	if string(sums) != sum+"  pixtral-wgpu-1.2.3-darwin-arm64.tar.gz\n" {
		t.Errorf("%s", sums)
	}
}
