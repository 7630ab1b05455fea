package gguf

import "fmt"

// Fields reads a file's metadata by key and remembers the first error, so that
// a config can be filled in without a check at every line:
//
//	m := f.Fields()
//	layers := m.Uint("llama.block_count")
//	theta := m.Float("llama.rope.freq_base", 10000)
//	if err := m.Err(); err != nil {
//
// Each method takes a default, which a missing key then has; without one a
// missing key is an error. A key of another kind is an error in any case. Its
// zero value is returned after an error.
type Fields struct {
	f   *File
	err error
}

// Fields returns a reader of f's metadata.
func (f *File) Fields() *Fields { return &Fields{f: f} }

// Err returns the first error. It names the file and the key.
func (m *Fields) Err() error { return m.err }

// String reads a string.
func (m *Fields) String(key string, def ...string) string {
	return field(m, key, "a string", def, func(v Value) (string, bool) {
		if v.list || v.kind != String {
			return "", false
		}
		return v.strings()[0], true
	})
}

// Uint reads an integer of any width that is not negative.
func (m *Fields) Uint(key string, def ...int) int {
	return field(m, key, "an integer that is not negative", def, func(v Value) (int, bool) {
		if v.list {
			return 0, false
		}
		n, ok := v.integer(0)
		return n, ok && n >= 0
	})
}

// Int reads an integer of any width.
func (m *Fields) Int(key string, def ...int) int {
	return field(m, key, "an integer", def, func(v Value) (int, bool) {
		if v.list {
			return 0, false
		}
		return v.integer(0)
	})
}

// Float reads an f32 or f64.
func (m *Fields) Float(key string, def ...float64) float64 {
	return field(m, key, "a float", def, func(v Value) (float64, bool) {
		if v.list {
			return 0, false
		}
		return v.float(0)
	})
}

// Bool reads a bool.
func (m *Fields) Bool(key string, def ...bool) bool {
	return field(m, key, "a bool", def, func(v Value) (bool, bool) {
		if v.list || v.kind != Bool {
			return false, false
		}
		return v.raw[0] != 0, true
	})
}

// Strings reads a list of strings.
func (m *Fields) Strings(key string, def ...[]string) []string {
	return field(m, key, "a list of strings", def, func(v Value) ([]string, bool) {
		if !v.list || v.kind != String {
			return nil, false
		}
		return v.strings(), true
	})
}

// Ints reads a list of integers of any width.
func (m *Fields) Ints(key string, def ...[]int) []int {
	return field(m, key, "a list of integers", def, func(v Value) ([]int, bool) {
		return elements(v, v.integer)
	})
}

// Floats reads a list of f32 or f64.
func (m *Fields) Floats(key string, def ...[]float64) []float64 {
	return field(m, key, "a list of floats", def, func(v Value) ([]float64, bool) {
		return elements(v, v.float)
	})
}

// Bools reads a list of bools.
func (m *Fields) Bools(key string, def ...[]bool) []bool {
	return field(m, key, "a list of bools", def, func(v Value) ([]bool, bool) {
		return elements(v, func(i int) (bool, bool) { return v.kind == Bool && v.raw[i] != 0, v.kind == Bool })
	})
}

// field looks key up and takes its value; want says what take takes.
func field[T any](m *Fields, key, want string, def []T, take func(v Value) (T, bool)) (x T) {
	if m.err != nil {
		return x
	}
	v, found := m.f.keys[key]
	if !found && len(def) > 0 {
		return def[0]
	}
	if !found {
		m.err = fmt.Errorf("gguf: %s: key %q is missing; convert the model again with a newer converter", m.f.name, key)
		return x
	}
	taken, ok := take(v)
	if !ok {
		m.err = fmt.Errorf("gguf: %s: key %q is %v, want %s; convert the model again", m.f.name, key, v, want)
		return x
	}
	return taken
}

// elements takes all of a list.
func elements[T any](v Value, take func(i int) (T, bool)) ([]T, bool) {
	if !v.list {
		return nil, false
	}
	list := make([]T, v.n)
	for i := range list {
		var ok bool
		if list[i], ok = take(i); !ok {
			return nil, false
		}
	}
	return list, true
}

// String describes v for errors: its kind and, of a single value, what it is.
func (v Value) String() string {
	if v.list {
		return fmt.Sprintf("a list of %d %v", v.n, v.kind)
	}
	return fmt.Sprintf("%v %.60q", v.kind, fmt.Sprint(v.Any()))
}
