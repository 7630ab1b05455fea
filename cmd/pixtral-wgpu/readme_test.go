package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The walk in the README names functions as `file.go:Name`; each exists, and so
// does each package of its table.
func TestReadme(t *testing.T) {
	const root = "../.."
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`([a-z0-9_/-]+\\.go):(\\w+)`").FindAllStringSubmatch(string(readme), -1)
	if len(named) < 20 {
		t.Errorf("the walk names only %d functions", len(named))
	}
	for _, m := range named {
		src, err := os.ReadFile(filepath.Join(root, m[1]))
		if err != nil {
			t.Error(err)
			continue
		}
		if !regexp.MustCompile(`(?m)^func (\([^)]*\) )?` + m[2] + `\(`).Match(src) {
			t.Errorf("%s has no function %s", m[1], m[2])
		}
	}
	for pkg := range floors {
		if !strings.Contains(string(readme), "`"+pkg+"`") {
			t.Errorf("the README has no word on the package %s", pkg)
		}
	}
	for _, module := range direct(t, filepath.Join(root, "go.mod")) {
		if !strings.Contains(string(readme), module) {
			t.Errorf("the README does not say why %s is there", module)
		}
	}
	for _, command := range []string{"make demo", "make test"} {
		if !strings.Contains(string(readme), command) {
			t.Errorf("the README does not show %q", command)
		}
	}
}

// direct gives the last names of the modules that go.mod requires for our own code.
func direct(t *testing.T, path string) (names []string) {
	t.Helper()
	mod, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(string(mod), -1) {
		names = append(names, regexp.MustCompile(`([^/]+?)(/v\d+)?$`).FindStringSubmatch(m[1])[1])
	}
	if len(names) < 10 {
		t.Fatalf("go.mod requires only %q", names)
	}
	return names
}
