package shaders

import (
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// What a variant names becomes storage textures and nothing else does, and lines stay
// where they were.
func TestTexels(t *testing.T) {
	for _, v := range []Variant{
		{Kernel: "linear_lane", Weights: "q6_k", Lanes: "subgroup"},
		{Kernel: "linear_tile", Weights: "bf16"},
		{Kernel: "embed", Weights: "q5_k"},
		{Kernel: "attention_block", Cache: "f16"},
	} {
		v.Texels = v.Texels.With(1, 0).With(1, 1)
		if v.Kernel == "linear_lane" {
			v.Texels = v.Texels.With(0, 0)
		}
		m, err := Link(Embedded(), v)
		if err != nil {
			t.Error(err)
			continue
		}
		code := regexp.MustCompile(`//.*`).ReplaceAllString(m.Code, "")
		for _, b := range m.Bindings {
			read := regexp.MustCompile(`(^|[^.\w])` + b.Name + `\[`)
			switch chosen := b.Group == 1 && b.Index < 2 || b.Name == "x" && v.Kernel == "linear_lane"; {
			case chosen != (b.Texels != ""):
				t.Errorf("%v: %s has texels %q", v, b.Name, b.Texels)
			case chosen && (read.MatchString(code) || !strings.Contains(m.Code, "var "+b.Name+": texture_storage_2d<"+b.Texels+", read>;")):
				t.Errorf("%v: %s is still an array in\n%s", v, b.Name, m.Code)
			}
		}
		plain := v
		plain.Texels = 0
		if p, err := Link(Embedded(), plain); err != nil || strings.Count(p.Code, "\n") != strings.Count(m.Code, "\n") {
			t.Errorf("%v: lines have moved (%v)", v, err)
		}
	}
}

// Reads within reads are all found; what only ends in the name is left alone.
func TestTexelReads(t *testing.T) {
	fsys := fstest.MapFS{"k.wgsl": {Data: []byte(`
@group(0) @binding(0) var<storage, read> at: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec2<f32>>;

fn k(v: array<u32, 2>) -> u32 {
    let p = that[0] + v.at[1];
    return at[at[at[2u] + p] & arrayLength(&at)];
}
`)}}
	m, err := Link(fsys, Variant{Kernel: "k", Texels: Places(0).With(0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"that[0] + v.at[1]", "at_at(at_at(at_at(2u) + p) & (textureDimensions(at).y * 512u))"} {
		if !strings.Contains(m.Code, want) {
			t.Errorf("no %q in\n%s", want, m.Code)
		}
	}
	for text, want := range map[string]string{
		"array<vec3<u32>>": "can be no storage texture",
		"array<f32>":       "has no end",
	} {
		fsys["k.wgsl"] = &fstest.MapFile{Data: []byte("@group(0) @binding(0) var<storage, read> x: " + text + ";\n@group(0) @binding(1) var<storage, read_write> y: array<u32>;\nfn k() { y[0] = x[1; }\n")}
		if _, err := Link(fsys, Variant{Kernel: "k", Texels: Places(0).With(0, 0)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// What a kernel writes in whole elements may be a storage texture; what it reads as
// well, or writes in parts, may not.
func TestTexelWrites(t *testing.T) {
	write := func(typ, use string) fstest.MapFS {
		return fstest.MapFS{"k.wgsl": {Data: []byte("// y[i] = x\n@group(0) @binding(0) var<storage, read_write> y: " + typ + ";\nfn k() {\n    " + use + "\n}\n")}}
	}
	v := Variant{Kernel: "k", Texels: Places(0).With(0, 0)}
	for _, c := range [][3]string{
		{"array<u32>", "y[9u * i[1]] = a[2] + b;", "y_put(9u * i[1], a[2] + b);"},
		{"array<u32>", "y[0] = 1u;", "textureStore(y, vec2(i & 511u, i / 512u), vec4<u32>(v, u32(), u32(), u32())); }"},
		{"array<vec2<u32>>", "y[0] = v;", "vec4<u32>(v, u32(), u32()));"},
		{"array<vec4<f32>>", "y[0] = v;", "var y: texture_storage_2d<rgba32float, write>; fn y_put(i: u32, v: vec4<f32>)"},
	} {
		m, err := Link(write(c[0], c[1]), v)
		if err != nil || !strings.Contains(m.Code, c[2]) || !strings.Contains(m.Code, "// y[i] = x\n") {
			t.Errorf("%s of %s: no %q in\n%s (%v)", c[1], c[0], c[2], m.Code, err)
		}
	}
	for _, use := range []string{"y[0] += 1u;", "y[0].x = 1u;", "let a = y[0];", "y[0] = y[1];", "y[0] = 1u"} {
		if _, err := Link(write("array<u32>", use), v); err == nil || !strings.Contains(err.Error(), "not only assigned to") {
			t.Errorf("%s: %v", use, err)
		}
	}
	for _, kernel := range []string{"append", "append_f32", "append_q8_0", "spread"} {
		for _, cache := range []string{"f16", "f32", "q8_0"} {
			v := Variant{Kernel: kernel, Texels: Places(0).With(0, 2)}
			if kernel == "spread" {
				v.Cache, v.Texels = cache, Places(0).With(0, 3).With(1, 0).With(1, 1)
			}
			m, err := Link(Embedded(), v)
			if err != nil {
				t.Error(err)
				continue
			}
			for _, b := range m.Bindings {
				if b.Write != (b.Texels != "") {
					t.Errorf("%v: %s has texels %q", v, b.Name, b.Texels)
				}
			}
		}
	}
}
