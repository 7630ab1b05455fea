package shaders

import (
	"strings"
	"testing"
	"testing/fstest"
)

// Every kernel links with everything it can take, and has an entry point of its
// own name. Link itself refuses bindings out of order.
func TestLinkAll(t *testing.T) {
	kernels, err := Kernels(Embedded())
	if err != nil || len(kernels) < 15 {
		t.Fatal(kernels, err)
	}
	for _, name := range kernels {
		for _, v := range variants(t, name) {
			m, err := Link(Embedded(), v)
			if err != nil {
				t.Error(err)
				continue
			}
			if !strings.Contains(m.Code, "\nfn "+v.Entry()+"(") {
				t.Errorf("%v has no entry point %s", v, name)
			}
			if len(m.Params) == 0 || len(m.Params) > 8 {
				t.Errorf("%v has %d params; at most eight words", v, len(m.Params))
			}
			if strings.Contains(m.Code, "import ") || strings.Contains(m.Code, "override ") {
				t.Errorf("%v: something was not linked", v)
			}
		}
	}
}

// variants lists what a kernel can be linked with.
func variants(t *testing.T, kernel string) []Variant {
	src := source(t, kernel)
	list := []Variant{{Kernel: kernel}}
	for _, module := range []string{"weights", "cache", "keep", "input", "output", "lanes", "hands"} {
		if !strings.Contains(src, "package::"+module+"::") {
			continue
		}
		stands, err := Stands(Embedded(), module)
		if err != nil || len(stands) == 0 {
			t.Fatal(module, stands, err)
		}
		var wider []Variant
		for _, v := range list {
			for _, s := range stands {
				if stand, _ := files.ReadFile("quant/" + s + ".wgsl"); module == "weights" && strings.Contains(src, "::load_ints") && !strings.Contains(string(stand), "fn load_ints(") {
					continue // floats have no codes
				}
				*map[string]*string{"weights": &v.Weights, "cache": &v.Cache, "keep": &v.Cache, "input": &v.Input, "output": &v.Output, "lanes": &v.Lanes, "hands": &v.Lanes}[module] = s
				wider = append(wider, v)
			}
		}
		list = wider
	}
	return list
}

// source returns a file with all that it imports of lib.
func source(t *testing.T, path string) string {
	data, err := files.ReadFile(path + ".wgsl")
	if err != nil {
		t.Fatal(err)
	}
	src := string(data)
	for line := range strings.Lines(src) {
		if m := importLine.FindStringSubmatch(strings.TrimSuffix(line, "\n")); m != nil && strings.HasPrefix(m[1], "lib::") {
			src += source(t, strings.ReplaceAll(m[1], "::", "/"))
		}
	}
	return src
}

func TestVariant(t *testing.T) {
	v := Variant{Kernel: "linear_vec", Weights: "bf16", Set: Set{{"WG", 128}}}
	if v.String() != "linear_vec/bf16 WG=128" {
		t.Error(v)
	}
	m, err := Link(Embedded(), v)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(m.Code, "const WG: u32 = 128u;") {
		t.Error("the override is not set")
	}
	for i, line := range strings.Split(m.Code, "\n") {
		if strings.HasPrefix(line, "fn load8") && !strings.HasPrefix(m.Origin(i+1), "shaders/quant/bf16.wgsl:") {
			t.Errorf("load8 is said to be from %s", m.Origin(i+1))
		}
	}
}

func TestLinkErrors(t *testing.T) {
	fsys := fstest.MapFS{
		"a.wgsl":    {Data: []byte("import package::lib::none::f;\n")},
		"b.wgsl":    {Data: []byte("import package::weights::load8;\n")},
		"c.wgsl":    {Data: []byte("@group(0) @binding(1) var<storage, read> x: array<f32>;\n")},
		"d.wgsl":    {Data: []byte("@group(0) @binding(0) var<storage, read_write> y: array<f32>;\n@group(0) @binding(1) var<storage, read> x: array<f32>;\n")},
		"e.wgsl":    {Data: []byte("fn e() {}\n")},
		"f.q9.wgsl": {Data: []byte("fn f() {}\n")},
	}
	for want, v := range map[string]Variant{
		"lib/none.wgsl":  {Kernel: "a"},
		"names none":     {Kernel: "b"},
		"quant/q9.wgsl":  {Kernel: "b", Weights: "q9"},
		"out of order":   {Kernel: "c"},
		"the result":     {Kernel: "d"},
		"no override WG": {Kernel: "e", Set: Set{{"WG", 1}}},
		"f.wgsl":         {Kernel: "f", Weights: "q8"},
	} {
		if _, err := Link(fsys, v); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", v, err, want)
		}
	}
	if _, err := Link(fsys, Variant{Kernel: "f", Weights: "q9"}); err != nil {
		t.Errorf("a kernel for one format: %v", err)
	}
}
