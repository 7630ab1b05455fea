package main

import (
	"bytes"
	"cmp"
	_ "embed"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed formula.rb.tmpl
var formulaText string

// A bottle is an archive that the formula installs.
type bottle struct{ URL, Sum string }

// writeFormula fills the Homebrew formula with the archives that are there. Those
// of Macs are made on one, and put beside the others before.
func (b *build) writeFormula() error {
	dir, err := filepath.Abs(b.out)
	if err != nil {
		return err
	}
	bottles := map[string]*bottle{}
	for name, t := range targetsByName {
		file := "pixtral-wgpu-" + b.version + "-" + strings.ReplaceAll(name, "/", "-") + t.ending()
		if sum, err := checksum(filepath.Join(b.out, file)); err == nil {
			bottles[t.system+"_"+t.arch] = &bottle{strings.TrimSuffix(cmp.Or(b.url, "file://"+dir), "/") + "/" + file, sum}
		}
	}
	var text bytes.Buffer
	formula := template.Must(template.New("formula").Parse(formulaText))
	if err := formula.Execute(&text, map[string]any{"Version": b.version, "Bottles": bottles}); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.out, "pixtral-wgpu.rb"), text.Bytes(), 0o666)
}
