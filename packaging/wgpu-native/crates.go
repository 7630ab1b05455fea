//go:build ignore

// Writes the licences of the Rust crates inside wgpu-native, as cargo knows
// them: go run ./packaging/wgpu-native/crates.go >packaging/wgpu-native/LICENCES
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

type crate struct {
	Name     string
	ID       string
	License  string
	Authors  []string
	Manifest string `json:"manifest_path"`
	Targets  []struct{ Kind []string }
}

// macro reports whether a crate runs in the compiler only.
func (c crate) macro() bool { return slices.Contains(c.Targets[0].Kind, "proc-macro") }

type metadata struct {
	Packages []crate
	Resolve  struct {
		Root  string
		Nodes []struct {
			ID   string
			Deps []struct {
				Pkg   string
				Kinds []struct{ Kind string } `json:"dep_kinds"`
			}
		}
	}
}

func main() {
	log.SetFlags(0)
	cmd := exec.Command("cargo", "metadata", "--format-version", "1", "--manifest-path", "packaging/wgpu-native/Cargo.toml")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		log.Fatal(err)
	}
	var m metadata
	if err := json.Unmarshal(out, &m); err != nil {
		log.Fatal(err)
	}
	linked := m.linked()
	apache, others := []string{}, map[string][]string{}
	fmt.Print("wgpu-native is licensed under MIT or Apache-2.0, and so is Rust's standard\nlibrary in it. Inside it are these crates, with their licences:\n\n")
	for _, c := range linked {
		fmt.Printf("    %-38s %s\n", c.Name, c.License)
		if strings.Contains(c.License, "Apache-2.0") && !strings.Contains(c.License, " AND ") {
			apache = append(apache, c.Name)
		} else {
			text := c.text()
			others[text] = append(others[text], c.Name)
		}
	}
	for _, text := range slices.Sorted(maps.Keys(others)) {
		fmt.Printf("\n%s\n%s:\n\n%s\n", strings.Repeat("-", 78), strings.Join(others[text], ", "), text)
	}
	text, err := os.ReadFile("LICENSE")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("\n%s\nwgpu-native, Rust's standard library, and all others:\n\n%s\n", strings.Repeat("-", 78), bytes.TrimSpace(text))
}

// linked returns the crates that end up in the library, on any system, by name.
func (m *metadata) linked() []crate {
	crates := map[string]crate{}
	for _, c := range m.Packages {
		crates[c.ID] = c
	}
	deps := map[string][]string{}
	for _, n := range m.Resolve.Nodes {
		for _, d := range n.Deps {
			for _, k := range d.Kinds {
				if k.Kind == "" && !crates[d.Pkg].macro() { // neither for tests nor for building
					deps[n.ID] = append(deps[n.ID], d.Pkg)
				}
			}
		}
	}
	found, todo := map[string]crate{}, deps[m.Resolve.Root]
	for len(todo) > 0 {
		c := crates[todo[0]]
		todo = todo[1:]
		if _, seen := found[c.Name]; !seen {
			found[c.Name] = c
			todo = append(todo, deps[c.ID]...)
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b crate) int { return cmp.Compare(a.Name, b.Name) })
}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicen[cs]e)`)

// text returns the licences that a crate brings, or names its licence.
func (c crate) text() string {
	dir := filepath.Dir(c.Manifest)
	files, err := os.ReadDir(dir)
	if err != nil {
		log.Fatal(err)
	}
	var texts []string
	for _, f := range files {
		if licenceFile.MatchString(f.Name()) {
			text, err := os.ReadFile(filepath.Join(dir, f.Name()))
			if err != nil {
				log.Fatal(err)
			}
			texts = append(texts, strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
		}
	}
	if len(texts) > 0 {
		return strings.Join(texts, "\n\n")
	}
	if c.License == "CC0-1.0" {
		return "Its authors gave up their rights: CC0-1.0, https://creativecommons.org/publicdomain/zero/1.0/legalcode"
	}
	if c.License != "MIT" {
		log.Fatalf("%s: no licence text for %s", c.Name, c.License)
	}
	return fmt.Sprintf("Copyright (c) %s\n\n%s", cmp.Or(strings.Join(c.Authors, ", "), "the authors of "+c.Name), mit)
}

const mit = `Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.`
