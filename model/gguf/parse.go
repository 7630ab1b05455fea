package gguf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"unicode/utf8"
)

const (
	magic            = "GGUF"
	version          = 3  // the one that is written
	defaultAlignment = 32 // GGUF_DEFAULT_ALIGNMENT
	alignmentKey     = "general.alignment"
	maxAlignment     = 1 << 16 // the largest page of any processor; more would only waste memory

	// The least that a key with its value and a tensor's description take.
	leastKey    = 8 + 4 + 1
	leastTensor = 8 + 4 + 4 + 8
)

// A cursor reads a file from the front and remembers where it is.
type cursor struct {
	data []byte
	at   int
}

// take returns the next n bytes. n is not believed.
func (c *cursor) take(n uint64) ([]byte, error) {
	if left := uint64(len(c.data) - c.at); n > left {
		return nil, fmt.Errorf("the file is cut: %d bytes are wanted at byte %d, %d are left; download it again", n, c.at, left)
	}
	b := c.data[c.at : c.at+int(n) : c.at+int(n)]
	c.at += int(n)
	return b, nil
}

func (c *cursor) u32() (uint32, error) {
	b, err := c.take(4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (c *cursor) u64() (uint64, error) {
	b, err := c.take(8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

func (c *cursor) str() ([]byte, error) {
	n, err := c.u64()
	if err != nil {
		return nil, err
	}
	return c.take(n)
}

// name reads a key or a tensor's name.
func (c *cursor) name() (string, error) {
	b, err := c.str()
	if err == nil && !utf8.Valid(b) {
		err = errors.New("name is not UTF-8; the file is corrupt, download it again")
	}
	return string(b), err
}

// parse fills in f.
func (f *File) parse(data []byte) error {
	c := &cursor{data: data}
	tensors, keys, err := f.header(c)
	if err != nil {
		return err
	}
	for i := range keys {
		if err := f.key(c); err != nil {
			return fmt.Errorf("metadata %d of %d: %w", i+1, keys, err)
		}
	}
	alignment, err := f.alignment()
	if err != nil {
		return err
	}
	offsets := make([]uint64, 0, tensors)
	for i := range tensors {
		offset, err := f.tensor(c)
		if err != nil {
			return fmt.Errorf("tensor %d of %d: %w", i+1, tensors, err)
		}
		offsets = append(offsets, offset)
	}
	return f.place(c, offsets, alignment)
}

// header reads magic, version and counts. The counts fit the file.
func (f *File) header(c *cursor) (tensors, keys int, err error) {
	b, err := c.take(4)
	if err != nil {
		return 0, 0, err
	}
	if string(b) != magic {
		return 0, 0, fmt.Errorf("begins with %q, not %q: this is not a GGUF file; check that it is the weights and not, say, a web page or a pointer", b, magic)
	}
	if f.Version, err = c.u32(); err != nil {
		return 0, 0, err
	}
	switch {
	case f.Version == 1:
		return 0, 0, errors.New("is GGUF version 1, which nothing reads any more; convert the model again")
	case f.Version&0xffff == 0:
		return 0, 0, errors.New("is a big-endian GGUF file; convert it with gguf-convert-endian of the Python package gguf")
	case f.Version < 2 || f.Version > version:
		return 0, 0, fmt.Errorf("is GGUF version %d, this program knows 2 and 3; update it", f.Version)
	}
	t, err := c.u64()
	if err != nil {
		return 0, 0, err
	}
	k, err := c.u64()
	if err != nil {
		return 0, 0, err
	}
	left := uint64(len(c.data) - c.at)
	if t > left/leastTensor || k > left/leastKey {
		return 0, 0, fmt.Errorf("claims %d tensors and %d keys, more than its %d bytes can hold; the file is corrupt, download it again", t, k, len(c.data))
	}
	return int(t), int(k), nil
}

// key reads one key and its value.
func (f *File) key(c *cursor) error {
	key, err := c.name()
	if err != nil {
		return err
	}
	if _, twice := f.keys[key]; twice {
		return fmt.Errorf("key %q stands twice; the file is corrupt", key)
	}
	kind, err := c.u32()
	if err != nil {
		return fmt.Errorf("key %q: %w", key, err)
	}
	v, err := c.value(Kind(kind))
	if err != nil {
		return fmt.Errorf("key %q: %w", key, err)
	}
	f.keys[key] = v
	f.Metadata = append(f.Metadata, KeyValue{key, v})
	return nil
}

func (f *File) alignment() (uint64, error) {
	v, ok := f.keys[alignmentKey]
	if !ok {
		return defaultAlignment, nil
	}
	return alignmentOf(v)
}

func alignmentOf(v Value) (uint64, error) {
	if v.list || v.kind != Uint32 {
		return 0, fmt.Errorf("key %q is %v, want one %v; the file is corrupt", alignmentKey, v, Uint32)
	}
	n := uint64(binary.LittleEndian.Uint32(v.raw))
	if bits.OnesCount64(n) != 1 || n > maxAlignment {
		return 0, fmt.Errorf("key %q is %d, want a power of two up to %d; the file is corrupt", alignmentKey, n, maxAlignment)
	}
	return n, nil
}

// tensor reads the description of one tensor and returns where its data is
// said to be.
func (f *File) tensor(c *cursor) (offset uint64, err error) {
	t := Tensor{}
	if t.Name, err = c.name(); err != nil {
		return 0, err
	}
	if len(t.Name) > maxName {
		return 0, fmt.Errorf("name %.80q has %d bytes, ggml allows %d", t.Name, len(t.Name), maxName)
	}
	if _, twice := f.tensors[t.Name]; twice {
		return 0, fmt.Errorf("%q stands twice; the file is corrupt", t.Name)
	}
	if offset, err = t.describe(c); err != nil {
		return 0, fmt.Errorf("%q: %w", t.Name, err)
	}
	f.tensors[t.Name] = len(f.Tensors)
	f.Tensors = append(f.Tensors, t)
	return offset, nil
}

// describe reads what follows a tensor's name.
func (t *Tensor) describe(c *cursor) (offset uint64, err error) {
	n, err := c.u32()
	if err != nil {
		return 0, err
	}
	if n > maxDims {
		return 0, fmt.Errorf("has %d dimensions, ggml allows %d; the file is corrupt", n, maxDims)
	}
	t.Dims = make([]int, n)
	for i := range t.Dims {
		d, err := c.u64()
		if err != nil {
			return 0, err
		}
		if d == 0 || d > uint64(maxElements) {
			return 0, fmt.Errorf("dimension %d is %d, which is no size of an array; the file is corrupt", i, d)
		}
		t.Dims[len(t.Dims)-1-i] = int(d)
	}
	kind, err := c.u32()
	if err != nil {
		return 0, err
	}
	t.Type = Type(kind)
	return c.u64()
}

// place gives the tensors their bytes. As in ggml they lie in order, each at
// the next aligned place, so none overlap and nothing is hidden between them.
func (f *File) place(c *cursor, offsets []uint64, alignment uint64) error {
	start := pad(uint64(c.at), alignment)
	at := uint64(0) // from start
	for i := range f.Tensors {
		t := &f.Tensors[i]
		size, err := t.size()
		if err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		if offsets[i] != at {
			return fmt.Errorf("tensor %q: offset is %d, but %d is the next place that is free and aligned to %d; the file is corrupt, download it again", t.Name, offsets[i], at, alignment)
		}
		if end := start + at + uint64(size); end > uint64(len(c.data)) {
			return fmt.Errorf("the file is cut: tensor %q needs bytes %d to %d, the file has %d; download it again", t.Name, start+at, end, len(c.data))
		}
		from := int(start + at)
		t.Data = c.data[from : from+size : from+size]
		at = pad(at+uint64(size), alignment)
	}
	return nil
}

// pad rounds n up to a multiple of alignment, a power of two.
func pad(n, alignment uint64) uint64 { return (n + alignment - 1) &^ (alignment - 1) }
