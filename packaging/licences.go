package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// writeLicences gathers the licences of everything in the program: one
// directory for each Go module, named as it is, and one for each of the rest.
func (t target) writeLicences(dir string) error {
	if err := t.writeModules(dir); err != nil {
		return err
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	goroot := strings.TrimSpace(string(root))
	others := map[string]string{
		"packaging/wgpu-native/LICENCES": "wgpu-native/LICENCES",
		"web/page/dist/licences.txt":     "page/LICENCES",
		filepath.Join(goroot, "LICENSE"): "go/LICENSE",
		filepath.Join(goroot, "PATENTS"): "go/PATENTS",
	}
	if t.system == "windows" { // parts of the compiler's libraries are in the program
		others["/usr/share/doc/mingw-w64-common/copyright"] = "mingw-w64/copyright"
		others["/usr/share/doc/gcc-mingw-w64-base/copyright"] = "gcc/copyright"
	}
	for from, to := range others {
		if err := copyFile(from, filepath.Join(dir, to)); err != nil {
			return err
		}
	}
	return nil
}

// writeModules gathers the licences of the Go modules that the target's program
// has packages of.
func (t target) writeModules(dir string) error {
	cmd := exec.Command("go", "list", "-deps", "-tags", t.tags, "-f",
		"{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Dir}}\t{{$.Dir}}{{end}}{{end}}", "./cmd/pixtral-wgpu")
	cmd.Env = t.environment()
	cmd.Stderr = os.Stderr
	list, err := cmd.Output()
	if err != nil {
		return err
	}
	found := map[string]int{}
	for line := range strings.Lines(string(list)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) != 3 {
			continue // of ours, or of Go's own library
		}
		n, err := gather(filepath.Join(dir, filepath.FromSlash(fields[0])), fields[1], fields[2])
		if err != nil {
			return err
		}
		found[fields[0]] += n
	}
	for module, n := range found {
		if n == 0 && !strings.HasPrefix(module, "github.com/oliverbestmann/webgpu/libs-") { // wgpu-native's files alone
			return fmt.Errorf("the module %s has no licence", module)
		}
	}
	return nil
}

var licenceName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|unlicen[cs]e|patents)([.-].*)?$`)

// gather copies the licences of a package and of what it lies in, up to its
// module, and returns how many there are.
func gather(to, module, pkg string) (n int, err error) {
	for dir := pkg; strings.HasPrefix(dir, module); dir = filepath.Dir(dir) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return n, err
		}
		below, err := filepath.Rel(module, dir)
		if err != nil {
			return n, err
		}
		for _, e := range entries {
			if !licenceName.MatchString(e.Name()) || !e.Type().IsRegular() || strings.HasSuffix(e.Name(), ".go") {
				continue
			}
			n++
			if err := copyFile(filepath.Join(dir, e.Name()), filepath.Join(to, below, e.Name())); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}
