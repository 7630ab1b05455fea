package gguf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Kind is the type of a value in the metadata, by its number in the file.
type Kind uint32

// The kinds of values. A Value of several has its elements' kind and is List.
const (
	Uint8 Kind = iota
	Int8
	Uint16
	Int16
	Uint32
	Int32
	Float32
	Bool
	String
	array
	Uint64
	Int64
	Float64
)

var kinds = []struct {
	name string
	size int // 0: it varies
}{
	{"u8", 1}, {"i8", 1}, {"u16", 2}, {"i16", 2}, {"u32", 4}, {"i32", 4}, {"f32", 4}, {"bool", 1},
	{"string", 0}, {"array", 0}, {"u64", 8}, {"i64", 8}, {"f64", 8},
}

func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k].name
	}
	return fmt.Sprintf("kind %d", uint32(k))
}

// A KeyValue is one entry of the metadata.
type KeyValue struct {
	Key   string
	Value Value
}

// Value is a checked value of the metadata: one of a kind, or a list. Its bytes
// are those of the file, so it is valid until the File is closed.
type Value struct {
	kind Kind
	list bool
	n    int // elements, 1 unless a list
	raw  []byte
}

// Kind returns the kind of the value, or that of a list's elements.
func (v Value) Kind() Kind { return v.kind }

// List returns the number of elements, and whether v is a list at all.
func (v Value) List() (int, bool) { return v.n, v.list }

// value reads a value of some kind and checks that its bytes are there.
func (c *cursor) value(kind Kind) (Value, error) {
	if kind != array {
		raw, err := c.elements(kind, 1)
		return Value{kind: kind, n: 1, raw: raw}, err
	}
	element, err := c.u32()
	if err != nil {
		return Value{}, err
	}
	n, err := c.u64()
	if err != nil {
		return Value{}, err
	}
	if Kind(element) == array {
		return Value{}, errors.New("is an array of arrays, which ggml does not read either; remove the key")
	}
	raw, err := c.elements(Kind(element), n)
	return Value{Kind(element), true, int(n), raw}, err
}

// elements returns the bytes of n elements.
func (c *cursor) elements(kind Kind, n uint64) ([]byte, error) {
	if int64(kind) >= int64(len(kinds)) {
		return nil, fmt.Errorf("has the unknown %v; the file is corrupt, or newer than this program", kind)
	}
	left := uint64(len(c.data) - c.at)
	least := uint64(max(kinds[kind].size, 1))
	if kind == String {
		least = 8 // the length
	}
	if n > left/least {
		return nil, fmt.Errorf("the file is cut: %d values of %v are wanted at byte %d, %d bytes are left; download it again", n, kind, c.at, left)
	}
	if kind != String {
		return c.take(n * least)
	}
	from := c.at
	for range n {
		if _, err := c.str(); err != nil {
			return nil, err
		}
	}
	return c.data[from:c.at:c.at], nil
}

// strings returns the elements of strings.
func (v Value) strings() []string {
	list := make([]string, 0, v.n)
	for raw := v.raw; len(raw) > 0; {
		n := 8 + binary.LittleEndian.Uint64(raw)
		list = append(list, string(raw[8:n]))
		raw = raw[n:]
	}
	return list
}

// bits returns element i of a kind of fixed size, and as a signed number.
func (v Value) bits(i int) (uint64, int64) {
	le := binary.LittleEndian
	switch raw := v.raw[i*kinds[v.kind].size:]; v.kind {
	case Uint8, Bool:
		return uint64(raw[0]), int64(raw[0])
	case Int8:
		return uint64(int8(raw[0])), int64(int8(raw[0]))
	case Uint16:
		return uint64(le.Uint16(raw)), int64(le.Uint16(raw))
	case Int16:
		return uint64(int16(le.Uint16(raw))), int64(int16(le.Uint16(raw)))
	case Uint32, Float32:
		return uint64(le.Uint32(raw)), int64(le.Uint32(raw))
	case Int32:
		return uint64(int32(le.Uint32(raw))), int64(int32(le.Uint32(raw)))
	}
	x := le.Uint64(v.raw[i*8:])
	return x, int64(x)
}

// integer returns element i as an int, and whether it is an integer that fits.
func (v Value) integer(i int) (int, bool) {
	switch v.kind {
	case Float32, Float64, Bool, String:
		return 0, false
	}
	u, s := v.bits(i)
	if v.kind == Uint64 && u > math.MaxInt64 || int64(int(s)) != s {
		return 0, false
	}
	return int(s), true
}

// float returns element i as a float64, and whether it is a float.
func (v Value) float(i int) (float64, bool) {
	switch v.kind {
	case Float32:
		x, _ := v.bits(i)
		return float64(math.Float32frombits(uint32(x))), true
	case Float64:
		x, _ := v.bits(i)
		return math.Float64frombits(x), true
	}
	return 0, false
}

// Any returns the value as a string, int, uint64, float64 or bool, or for a list
// a slice of one of them, to be shown. An integer is a uint64 only where an int
// can't hold it.
func (v Value) Any() any {
	if v.list {
		list := make([]any, v.n)
		if v.kind == String {
			for i, s := range v.strings() {
				list[i] = s
			}
			return list
		}
		for i := range list {
			list[i] = v.element(i)
		}
		return list
	}
	return v.element(0)
}

func (v Value) element(i int) any {
	switch v.kind {
	case String:
		return v.strings()[0]
	case Bool:
		return v.raw[i] != 0
	case Float32, Float64:
		x, _ := v.float(i)
		return x
	}
	if n, ok := v.integer(i); ok {
		return n
	}
	u, _ := v.bits(i)
	return u
}
