package shaders

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

// TexelColumns is the width of a storage texture that stands in for an array:
// element i is the texel at (i % TexelColumns, i / TexelColumns).
const TexelColumns = 512

// A texel is how an element of an array lies in a storage texture.
type texel struct{ format, scalar, swizzle string }

// halfQuad is four half floats in a texel of two words.
const halfQuad = "array<vec4<f16>>"

var texels = map[string]texel{
	"array<u32>":       {"r32uint", "u32", ".x"},
	"array<f32>":       {"r32float", "f32", ".x"},
	"array<vec2<u32>>": {"rg32uint", "u32", ".xy"},
	"array<vec2<f32>>": {"rg32float", "f32", ".xy"},
	"array<vec4<u32>>": {"rgba32uint", "u32", ""},
	"array<vec4<f32>>": {"rgba32float", "f32", ""},
	halfQuad:           {"rg32uint", "u32", ".xy"},
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

// texels makes storage textures of the bindings that the variant names: of "name[i]"
// a load of texel i, or, where the kernel writes, of "name[i] = v" a store. What a
// software adapter reads from a buffer it reads for one lane after the other; a
// texture it reads for all at once.
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
		if !ok || b.Write && b.Type == halfQuad {
			return fmt.Errorf("%s: %s can be no storage texture", b.Name, b.Type)
		}
		b.Texels = t.format
		if err := m.replace(b, t); err != nil {
			return err
		}
	}
	return nil
}

// replace rewrites the code for a binding that is a storage texture.
func (m *Module) replace(b *Binding, t texel) error {
	access, declared, accessor, uses := "read", "read", t.loader(b), calls
	if b.Write {
		access, declared, accessor, uses = "write", "read_write", t.storer(b), stores
	}
	before, after, ok := strings.Cut(m.Code, "var<storage, "+declared+"> "+b.Name+": "+b.Type+";")
	if !ok {
		return fmt.Errorf("%s is not declared as it was read", b.Name)
	}
	declaration := fmt.Sprintf("var %s: texture_storage_2d<%s, %s>;", b.Name, t.format, access)
	after = strings.ReplaceAll(after, "arrayLength(&"+b.Name+")", fmt.Sprintf("(textureDimensions(%s).y * %du)", b.Name, TexelColumns))
	before, err := uses(before, b.Name)
	if err != nil {
		return err
	}
	if after, err = uses(after, b.Name); err != nil {
		return err
	}
	m.Code = before + declaration + accessor + after // on the same line, so that lines keep their origin
	return nil
}

// place is where texel i is.
var place = fmt.Sprintf("vec2(i & %du, i / %du)", TexelColumns-1, TexelColumns)

// loader returns a function that reads element i of b.
func (t texel) loader(b *Binding) string {
	form := " fn %s_at(i: u32) -> %s { return textureLoad(%s, %s)%s; }"
	if b.Type == halfQuad {
		form = " fn %s_at(i: u32) -> %s { let w = textureLoad(%s, %s)%s; return vec4<f16>(vec4(unpack2x16float(w.x), unpack2x16float(w.y))); }"
	}
	return fmt.Sprintf(form, b.Name, b.element(), b.Name, place, t.swizzle)
}

// storer returns a function that writes element i of b.
func (t texel) storer(b *Binding) string {
	whole := "v"
	if n := len(t.swizzle); n > 0 {
		whole = fmt.Sprintf("vec4<%s>(v%s)", t.scalar, strings.Repeat(", "+t.scalar+"()", 5-n))
	}
	return fmt.Sprintf(" fn %s_put(i: u32, v: %s) { textureStore(%s, %s, %s); }", b.Name, b.element(), b.Name, place, whole)
}

// element is the type of an element of an array.
func (b *Binding) element() string {
	return strings.TrimSuffix(strings.TrimPrefix(b.Type, "array<"), ">")
}

// calls makes "name_at(i)" of each "name[i]".
func calls(code, name string) (string, error) {
	return rewrite(code, name, func(index, rest string) (string, string, error) {
		return name + "_at(" + index + ")", rest, nil
	})
}

var assigned = regexp.MustCompile(`^ = ([^;]*);`)

// stores makes "name_put(i, v);" of each "name[i] = v;". Nothing else may become of
// what is written: the parts of a texel are not written one by one, nor read.
func stores(code, name string) (string, error) {
	return rewrite(code, name, func(index, rest string) (string, string, error) {
		m := assigned.FindStringSubmatch(rest)
		if m == nil {
			return "", "", fmt.Errorf("%s[%s] is not only assigned to", name, index)
		}
		return name + "_put(" + index + ", " + m[1] + ");", rest[len(m[0]):], nil
	})
}

// rewrite replaces each "name[index]" outside comments by what with makes of it and
// of the code behind it.
func rewrite(code, name string, with func(index, rest string) (string, string, error)) (string, error) {
	use := regexp.MustCompile(`(^|[^.\w])` + name + `\[`)
	for from := 0; ; {
		m := use.FindStringIndex(code[from:])
		if m == nil {
			return code, nil
		}
		open := from + m[1] - 1
		if from = open + 1; strings.Contains(code[strings.LastIndexByte(code[:open], '\n')+1:open], "//") {
			continue
		}
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
		made, rest, err := with(code[open+1:end], code[end+1:])
		if err != nil {
			return "", err
		}
		from = open - len(name)
		code = code[:from] + made + rest
		from += len(name) + 1
	}
}
