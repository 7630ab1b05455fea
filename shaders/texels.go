package shaders

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

// TexelColumns is the width of a storage texture that stands in for an array:
// element i is the texel at (i % TexelColumns, i / TexelColumns).
const TexelColumns = 128

// A texel is how an element of an array lies in a storage texture.
type texel struct{ format, scalar, swizzle string }

var texels = map[string]texel{
	"array<u32>":       {"r32uint", "u32", ".x"},
	"array<f32>":       {"r32float", "f32", ".x"},
	"array<vec2<u32>>": {"rg32uint", "u32", ".xy"},
	"array<vec2<f32>>": {"rg32float", "f32", ".xy"},
	"array<vec4<u32>>": {"rgba32uint", "u32", ""},
	"array<vec4<f32>>": {"rgba32float", "f32", ""},
}

// TexelFormats returns the formats of the texels that the parts of a matrix take,
// if they are textures.
func TexelFormats(fsys fs.FS, weights string) ([]string, error) {
	src, err := fs.ReadFile(fsys, "quant/"+weights+".wgsl")
	if err != nil {
		return nil, err
	}
	var list []string
	for line := range strings.Lines(string(src)) {
		m := bindingLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		t, ok := texels[m[5]]
		if !ok {
			return nil, fmt.Errorf("quant/%s.wgsl: no texel is like %s", weights, m[5])
		}
		list = append(list, t.format)
	}
	return list, nil
}

// texels makes storage textures of the bindings that the variant names, and of
// "name[i]" a load of texel i. What a software adapter reads from a buffer it reads
// for one lane after the other; a texture it reads for all at once.
func (m *Module) texels() error {
	next := [4]int{}
	for i := range m.Bindings {
		b := &m.Bindings[i]
		if b.Uniform {
			continue
		}
		at := next[b.Group]
		next[b.Group]++
		if m.Variant.Texels&Places(0).With(b.Group, at) == 0 {
			continue
		}
		t, ok := texels[b.Type]
		if !ok || b.Write {
			return fmt.Errorf("%s: %s can be no storage texture", b.Name, b.Type)
		}
		b.Texels = t.format
		if err := m.load(b, t); err != nil {
			return err
		}
	}
	return nil
}

// load rewrites the code for a binding that is a storage texture.
func (m *Module) load(b *Binding, t texel) error {
	declared := "var<storage, read> " + b.Name + ": " + b.Type + ";"
	before, after, ok := strings.Cut(m.Code, declared)
	if !ok {
		return fmt.Errorf("%s is not declared as it was read", b.Name)
	}
	element := strings.TrimSuffix(strings.TrimPrefix(b.Type, "array<"), ">")
	declaration := fmt.Sprintf("var %s: texture_storage_2d<%s, read>;", b.Name, t.format)
	loader := fmt.Sprintf(" fn %s_at(i: u32) -> %s { return textureLoad(%s, vec2(i & %du, i / %du))%s; }",
		b.Name, element, b.Name, TexelColumns-1, TexelColumns, t.swizzle) // on the same line, so that lines keep their origin
	after = strings.ReplaceAll(after, "arrayLength(&"+b.Name+")", fmt.Sprintf("(textureDimensions(%s).y * %du)", b.Name, TexelColumns))
	before, err := calls(before, b.Name)
	if err != nil {
		return err
	}
	if after, err = calls(after, b.Name); err != nil {
		return err
	}
	m.Code = before + declaration + loader + after
	return nil
}

// calls makes "name_at(i)" of each "name[i]".
func calls(code, name string) (string, error) {
	use := regexp.MustCompile(`(^|[^.\w])` + name + `\[`)
	for from := 0; ; {
		m := use.FindStringIndex(code[from:])
		if m == nil {
			return code, nil
		}
		open := from + m[1] - 1
		end, depth := open, 0
		for ; end < len(code); end++ {
			if code[end] == '[' {
				depth++
			} else if code[end] == ']' {
				if depth--; depth == 0 {
					break
				}
			}
		}
		if end == len(code) {
			return "", fmt.Errorf("%s[ has no end", name)
		}
		code = code[:open] + "_at(" + code[open+1:end] + ")" + code[end+1:]
		from = open
	}
}
