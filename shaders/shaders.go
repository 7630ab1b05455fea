// Package shaders holds the WGSL of every kernel and links it into modules.
//
// A kernel is one file with one entry point of the same name. Files import
// each other with a small subset of WESL: "import package::lib::reduce::f;"
// names lib/reduce.wgsl. Seven modules are not files of that name: "weights" is
// whichever quant/<format>.wgsl, "cache" whichever cache/<type>.wgsl and "keep"
// whichever keep/<type>.wgsl the caller asks for. Each of them owns @group(1),
// so that a kernel is written once for all formats. "output" is whichever
// output/<output>.wgsl says what becomes of the sums of a matrix product; it owns
// the last binding of group 0, and @group(2). "input" is whichever
// input/<input>.wgsl says how the rows of x are taken; it owns @group(3).
// "lanes" is lanes/alone.wgsl, or how else the lanes of a workgroup come by what
// all of them read; "hands" is hands/alone.wgsl, or how else eight of them hand round
// what each has.
//
// Groups keep apart what files own; on the device they are one. The bindings and
// the Params struct are read back out of the linked text, so the host never
// repeats them.
package shaders

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed *.wgsl inspect/*.wgsl view/*.wgsl lib/*.wgsl quant/*.wgsl cache/*.wgsl input/*.wgsl output/*.wgsl keep/*.wgsl lanes/*.wgsl hands/*.wgsl
var files embed.FS

// Embedded returns the WGSL files compiled into the program.
func Embedded() fs.FS { return files }

// Hash names the text of all files of fsys.
func Hash(fsys fs.FS) (string, error) {
	h := sha256.New()
	err := fs.WalkDir(fsys, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, path)
		fmt.Fprintf(h, "%s %d\n%s", path, len(data), data)
		return err
	})
	return hex.EncodeToString(h.Sum(nil)[:8]), err
}

// A Variant is one instance of a kernel. It is comparable, so it serves as the
// key of the pipeline cache.
type Variant struct {
	Kernel  string // file without .wgsl, for example "linear_vec"; its last element is the entry point
	Weights string // format of the matrix in group 1; "" if the kernel reads none
	Cache   string // element type of the keys and values in group 1, read or written; "" for none
	Input   string // how a matrix product takes the rows of x; "" as they are
	Output  string // what becomes of the sums of a matrix product; "" stores them
	Lanes   string // how lanes come by what all of them read; "" each reads it
	Texels  Places // bindings that are storage textures
	Set     Set    // overrides by name; the others keep their defaults
}

// A Set holds values for a kernel's overrides; unused entries are zero.
type Set [8]Override

// Places is a set of bindings: bit 8g+i stands for the i-th of group g, Params not
// counted.
type Places uint32

// With returns p and binding i of a group.
func (p Places) With(group, i int) Places { return p | 1<<(8*group+i) }

// An Override replaces the default of one "override NAME: u32 = …;".
type Override struct {
	Name  string
	Value uint32
}

// Clone returns a copy of v that shares no memory with it.
func (v Variant) Clone() Variant {
	c := Variant{Kernel: strings.Clone(v.Kernel), Weights: strings.Clone(v.Weights), Cache: strings.Clone(v.Cache), Input: strings.Clone(v.Input), Output: strings.Clone(v.Output), Lanes: strings.Clone(v.Lanes), Texels: v.Texels}
	for i, o := range v.Set {
		c.Set[i] = Override{strings.Clone(o.Name), o.Value}
	}
	return c
}

// String identifies v: it labels the pipeline, errors and timings,
// for example "linear_vec/bf16 WG=64".
func (v Variant) String() string {
	var b strings.Builder
	b.WriteString(v.Kernel)
	for _, module := range []string{v.Weights, v.Cache, v.Input, v.Output, v.Lanes} {
		if module != "" {
			b.WriteString("/" + module)
		}
	}
	if v.Texels != 0 {
		b.WriteString("/texels")
	}
	for _, o := range v.Set {
		if o.Name != "" {
			fmt.Fprintf(&b, " %s=%d", o.Name, o.Value)
		}
	}
	return b.String()
}

// Entry is the name of v's entry point.
func (v Variant) Entry() string { return path.Base(v.Kernel) }

// Kernels lists the kernels in fsys by name: the stems of the files at its top,
// of those in inspect, which run only when someone looks, and of those in view,
// which draw.
func Kernels(fsys fs.FS) ([]string, error) {
	var paths []string
	for _, pattern := range []string{"*.wgsl", "inspect/*.wgsl", "view/*.wgsl"} {
		found, err := fs.Glob(fsys, pattern)
		if err != nil {
			return nil, err
		}
		paths = append(paths, found...)
	}
	var names []string
	for _, p := range paths {
		if stem := strings.TrimSuffix(p, ".wgsl"); !strings.Contains(stem, ".") {
			names = append(names, stem) // "x.q8.wgsl" is x written for one format
		}
	}
	return names, nil
}

// Stands lists the files that can stand in for the module "weights", "cache",
// "keep", "input", "output", "lanes" or "hands" in fsys, by stem.
func Stands(fsys fs.FS, module string) ([]string, error) {
	dir := map[string]string{"weights": "quant", "cache": "cache", "keep": "keep", "input": "input", "output": "output", "lanes": "lanes", "hands": "hands"}[module]
	paths, err := fs.Glob(fsys, dir+"/*.wgsl")
	for i, p := range paths {
		paths[i] = strings.TrimSuffix(strings.TrimPrefix(p, dir+"/"), ".wgsl")
	}
	return paths, err
}
