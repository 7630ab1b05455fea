package shaders

import (
	"cmp"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Module is linked WGSL and what the host must know to bind it.
type Module struct {
	Variant  Variant
	Code     string
	Bindings []Binding // in order of group and index; Code binds entry i as @group(0) @binding(i)
	Params   []Field   // the members of struct Params, empty if there is none

	origin []string // file and line of each line of Code
}

// A Binding is one resource variable. Group and Index are those of its file. On the
// device all lie in one group: each more that a dispatch sets costs the host time.
type Binding struct {
	Group, Index   int
	Name, Type     string
	Uniform, Write bool
	Texels         string // the format of a storage texture's texels; "" for a buffer
}

// A Field is one member of the Params struct.
type Field struct{ Name, Type string }

// Origin returns the file and line that a line of Code, counted from 1, came from.
func (m *Module) Origin(line int) string {
	if line < 1 || line > len(m.origin) {
		return "shaders/" + m.Variant.Kernel + ".wgsl"
	}
	return m.origin[line-1]
}

var (
	importLine   = regexp.MustCompile(`^import package::([a-z0-9_:]+)::(?:\w+|\{[^}]*\});$`)
	enableLine   = regexp.MustCompile(`^enable \w+;$`)
	overrideLine = regexp.MustCompile(`^override (\w+): u32 = (\d+);(.*)$`)
	bindingLine  = regexp.MustCompile(`^@group\((\d)\) @binding\((\d+)\) var<(uniform|storage, read|storage, read_write)> (\w+): (.+?);`)
	bindingPlace = regexp.MustCompile(`(?m)^@group\((\d)\) @binding\((\d+)\)`)
	paramsBlock  = regexp.MustCompile(`(?s)struct Params \{(.*?)\n\}`)
	paramsField  = regexp.MustCompile(`(?m)^\s*(\w+): (\w+),`)
)

// Link resolves the imports and overrides of v with the files of fsys and reads
// its bindings and parameters back. An import, override or file that does not
// exist is an error.
func Link(fsys fs.FS, v Variant) (*Module, error) {
	l := linker{fsys: fsys, v: v, seen: map[string]bool{}, unused: map[string]bool{}}
	for _, o := range v.Set {
		if o.Name != "" {
			l.unused[o.Name] = true
		}
	}
	kernel := v.Kernel
	if special := v.Kernel + "." + v.Weights; v.Weights != "" && l.exists(special) {
		kernel = special // written for this one format
	}
	if err := l.add(kernel); err != nil {
		return nil, fmt.Errorf("link %v: %w", v, err)
	}
	for name := range l.unused {
		return nil, fmt.Errorf("link %v: no override %s", v, name)
	}
	slices.SortStableFunc(l.bindings, func(a, b Binding) int { return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Index, b.Index)) })
	code := l.flat()
	for _, text := range slices.Backward(l.enables) {
		code = text + "\n" + code
	}
	m := &Module{Variant: v, Code: code, Bindings: l.bindings, origin: append(l.enabled, l.origin...)}
	if err := m.texels(); err != nil {
		return nil, fmt.Errorf("link %v: %w", v, err)
	}
	if p := paramsBlock.FindStringSubmatch(m.Code); p != nil {
		for _, f := range paramsField.FindAllStringSubmatch(p[1], -1) {
			m.Params = append(m.Params, Field{f[1], f[2]})
		}
	}
	return m, checkOrder(m)
}

// checkOrder refuses a module whose bindings do not count up from 0 in each
// group, or whose group 0 does not end with its only writable binding: the
// recorder binds by order.
func checkOrder(m *Module) error {
	next := [4]int{}
	for i, b := range m.Bindings {
		if b.Group >= len(next) || b.Index != next[b.Group] {
			return fmt.Errorf("link %v: %s is @group(%d) @binding(%d), out of order", m.Variant, b.Name, b.Group, b.Index)
		}
		next[b.Group]++
		last := i+1 == len(m.Bindings) || m.Bindings[i+1].Group != b.Group
		if b.Group == 0 && b.Write != last {
			return fmt.Errorf("link %v: %s: the result, and only it, is the last binding of group 0", m.Variant, b.Name)
		}
	}
	return nil
}

// flat returns what was linked with all bindings in one group.
func (l *linker) flat() string {
	return bindingPlace.ReplaceAllStringFunc(l.out.String(), func(place string) string {
		m := bindingPlace.FindStringSubmatch(place)
		i := slices.IndexFunc(l.bindings, func(b Binding) bool { return fmt.Sprint(b.Group, b.Index) == m[1]+" "+m[2] })
		return fmt.Sprintf("@group(0) @binding(%d)", i)
	})
}

type linker struct {
	fsys     fs.FS
	v        Variant
	out      strings.Builder
	seen     map[string]bool
	unused   map[string]bool
	bindings []Binding
	origin   []string

	enables, enabled []string // directives, and where they came from
}

func (l *linker) exists(path string) bool {
	_, err := fs.Stat(l.fsys, path+".wgsl")
	return err == nil
}

// file maps a module's path to the file that stands for it in this variant.
func (l *linker) file(path string) (string, error) {
	dir, stem := "", ""
	switch path {
	case "weights":
		dir, stem = "quant/", l.v.Weights
	case "cache":
		dir, stem = "cache/", l.v.Cache
	case "keep":
		dir, stem = "keep/", l.v.Cache
	case "input":
		dir, stem = "input/", cmp.Or(l.v.Input, "plain")
	case "output":
		dir, stem = "output/", cmp.Or(l.v.Output, "store")
	case "lanes":
		dir, stem = "lanes/", cmp.Or(l.v.Lanes, "alone")
	case "hands":
		dir, stem = "hands/", cmp.Or(l.v.Lanes, "alone")
	default:
		return path, nil
	}
	if stem == "" {
		return "", fmt.Errorf("imports %s, but the variant names none", path)
	}
	return dir + stem, nil
}

// add appends the module at path once, what it imports first.
func (l *linker) add(path string) error {
	path, err := l.file(path)
	if err != nil || l.seen[path] {
		return err
	}
	l.seen[path] = true
	src, err := fs.ReadFile(l.fsys, path+".wgsl")
	if err != nil {
		return err
	}
	var body strings.Builder
	var origin []string
	var bindings []Binding
	for i, text := range strings.Split(strings.TrimSuffix(string(src), "\n"), "\n") {
		if m := importLine.FindStringSubmatch(text); m != nil {
			if err := l.add(strings.ReplaceAll(m[1], "::", "/")); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			continue
		}
		if enableLine.MatchString(text) {
			l.enable(text, fmt.Sprintf("shaders/%s.wgsl:%d", path, i+1))
			continue
		}
		if m := overrideLine.FindStringSubmatch(text); m != nil {
			text = fmt.Sprintf("const %s: u32 = %su;%s", m[1], l.value(m[1], m[2]), m[3])
		}
		if m := bindingLine.FindStringSubmatch(text); m != nil {
			bindings = append(bindings, binding(m))
		}
		body.WriteString(text + "\n")
		origin = append(origin, fmt.Sprintf("shaders/%s.wgsl:%d", path, i+1))
	}
	l.out.WriteString(body.String())
	l.origin = append(l.origin, origin...)
	l.bindings = append(l.bindings, bindings...)
	return nil
}

// enable takes a directive to the top, where WGSL wants it.
func (l *linker) enable(text, origin string) {
	if !slices.Contains(l.enables, text) {
		l.enables, l.enabled = append(l.enables, text), append(l.enabled, origin)
	}
}

func (l *linker) value(name, def string) string {
	for _, o := range l.v.Set {
		if o.Name == name {
			delete(l.unused, name)
			return strconv.FormatUint(uint64(o.Value), 10)
		}
	}
	return def
}

func binding(m []string) Binding {
	group, _ := strconv.Atoi(m[1])
	index, _ := strconv.Atoi(m[2])
	return Binding{
		Group: group, Index: index, Name: m[4], Type: m[5],
		Uniform: m[3] == "uniform", Write: m[3] == "storage, read_write",
	}
}
