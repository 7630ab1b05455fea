package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// floors says which packages of this module each may import. Reading it top to
// bottom is reading the architecture bottom to top.
var floors = map[string][]string{
	"shaders":           {},
	"tokenizer":         {},
	"hub":               {},
	"remote":            {},
	"remote/fake":       {},
	"eval":              {"remote"},
	"batch":             {"remote"},
	"chat":              {"remote"},
	"view":              {"gpu", "gpu/ops", "model", "model/pixels", "tokenizer"},
	"model/safetensors": {},
	"model/gguf":        {},
	"model/pixels":      {"tokenizer"},
	"model/pocket":      {},
	"gpu/quant":         {},
	"gpu/ref":           {},
	"gpu":               {"shaders"},
	"gpu/ops":           {"gpu", "gpu/quant", "shaders"},
	"gpu/tune":          {"gpu", "gpu/ops", "gpu/quant", "shaders"},
	"gpu/verify":        {"gpu", "gpu/ops", "gpu/quant", "gpu/ref"},
	"model":             {"gpu", "gpu/ops", "gpu/quant", "model/gguf", "model/pixels", "model/safetensors", "tokenizer"},
	"model/reference":   {"gpu", "gpu/ref", "model", "model/pixels", "model/safetensors", "tokenizer"},
	"model/pocket/quiz": {"gpu/ops", "model", "model/pixels", "tokenizer"},
	"engine":            {"gpu", "model", "model/pixels", "tokenizer"},
	"grammar":           {},
	"web/page":          {},
	"web/inspect":       {"bench", "gpu/ops", "model", "model/pixels", "tokenizer"},
	"web":               {"engine", "grammar", "gpu", "gpu/ops", "model", "model/pixels", "remote", "tokenizer", "web/inspect"},
	"bench":             {"gpu", "gpu/ops", "gpu/quant", "model", "model/pixels", "tokenizer"},
	"packaging":         {},
	"cmd/pixtral-wgpu": {"batch", "bench", "chat", "engine", "eval", "gpu", "gpu/quant", "gpu/tune", "gpu/verify", "hub", "model", "model/pixels", "model/pocket",
		"model/reference", "model/safetensors", "remote", "tokenizer", "view", "web", "web/page"},
}

// bindings is what only gpu may import.
const bindings = "github.com/oliverbestmann/webgpu"

func TestFloors(t *testing.T) {
	const module = "pixtral-wgpu/"
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "./...")
	cmd.Dir = "../.."
	list, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for line := range strings.Lines(string(list)) {
		imports := strings.Fields(line)
		pkg := strings.TrimPrefix(imports[0], module)
		allowed, ok := floors[pkg]
		if found[pkg] = true; !ok {
			t.Errorf("%s is on no floor: add it to the table", pkg)
		}
		for _, path := range imports[1:] {
			if strings.HasPrefix(path, bindings) && pkg != "gpu" {
				t.Errorf("%s imports the WebGPU bindings; only gpu may", pkg)
			}
			if ours, ok := strings.CutPrefix(path, module); ok && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s, which its floor does not allow", pkg, ours)
			}
		}
	}
	for pkg := range floors {
		if !found[pkg] {
			t.Errorf("%s is in the table but does not exist", pkg)
		}
	}
}
