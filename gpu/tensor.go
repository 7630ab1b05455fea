package gpu

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oliverbestmann/webgpu/wgpu"
)

// A Type is the element type of a tensor.
type Type int

const (
	F32 Type = iota
	F16      // half floats, two to a word
	U32
	Q8 // signed bytes, 32 to a scale: blocks of nine words, the scale first
)

// Bytes returns the size of n elements, which of Q8 are whole blocks.
func (t Type) Bytes(n int) uint64 {
	switch t {
	case F16:
		return 2 * uint64(n)
	case Q8:
		return 36 * (uint64(n) / 32)
	}
	return 4 * uint64(n)
}

func (t Type) String() string { return [...]string{"f32", "f16", "u32", "q8_0"}[t] }

// A Tensor is a named array on the device, row-major, outermost dimension
// first. It is a small value: copy it freely.
type Tensor struct {
	Name  string
	Type  Type
	Shape []int
	buf   *buffer
}

// A buffer is device memory; several tensors may look at it.
type buffer struct {
	raw    *wgpu.Buffer // nil if it is texels
	texels *texels      // nil if it is raw
	id     uint64       // unlike an address, never used again
	size   uint64
	held   bool // by tensors, so that tapes may name it
}

// Len is the number of elements.
func (t Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Bytes is the size of the elements in bytes.
func (t Tensor) Bytes() uint64 { return t.Type.Bytes(t.Len()) }

// Texels reports whether t is a storage texture, which a kernel reads or writes but
// does not do both.
func (t Tensor) Texels() bool { return t.buf != nil && t.buf.texels != nil }

// Exists reports whether t has memory: the zero Tensor stands for "none".
func (t Tensor) Exists() bool { return t.buf != nil }

// Rows returns the first n rows of t, as the same memory.
func (t Tensor) Rows(n int) Tensor {
	t.Shape = append([]int{n}, t.Shape[1:]...)
	return t
}

// As returns t under another name; "" names it after the scope it is written in.
func (t Tensor) As(name string) Tensor {
	t.Name = name
	return t
}

// String clones what it prints, so that name and shape may lie on the stack.
func (t Tensor) String() string {
	return strings.Clone(t.Name) + fmt.Sprint(slices.Clone(t.Shape))
}

// A Matrix is a weight matrix in some format: the host names the format, the
// linked shader reads the parts of a shard as its group 1. A matrix larger than
// a binding may be is split by rows into shards.
type Matrix struct {
	Name       string
	Format     string // a quant/<Format>.wgsl; of the first shard, if they differ
	Rows, Cols int
	Shards     []Shard
}

// A Shard is a range of rows of a Matrix.
type Shard struct {
	Format      string
	First, Rows int
	Parts       []Tensor // in the order of the format's bindings
}

// Bytes is the size of all shards.
func (m *Matrix) Bytes() (n uint64) {
	for _, s := range m.Shards {
		for _, p := range s.Parts {
			n += p.Bytes()
		}
	}
	return n
}

// Blocks reports whether the weights of s lie in blocks that share scales.
func (s *Shard) Blocks() bool { return s.Format != "f32" && s.Format != "f16" && s.Format != "bf16" }

// Blocks reports whether the weights of all shards lie in blocks.
func (m *Matrix) Blocks() bool {
	return !slices.ContainsFunc(m.Shards, func(s Shard) bool { return !s.Blocks() })
}

// Stack returns the rows of matrices of the same width, one after the other, as
// one matrix in the same memory. Their formats may differ.
func Stack(name string, list ...*Matrix) *Matrix {
	m := &Matrix{Name: name, Format: list[0].Format, Cols: list[0].Cols}
	for _, part := range list {
		for _, s := range part.Shards {
			s.First += m.Rows
			m.Shards = append(m.Shards, s)
		}
		m.Rows += part.Rows
	}
	return m
}

func (m *Matrix) String() string { return fmt.Sprintf("%s[%d %d]", m.Name, m.Rows, m.Cols) }
