package gguf

import "fmt"

// Type is the element type of a tensor, by ggml's number.
type Type uint32

// The types that this program computes with. Others are read, so that they can
// be named, and their bytes are found.
const (
	F32  Type = 0
	F16  Type = 1
	Q4_0 Type = 2
	Q4_1 Type = 3
	Q5_0 Type = 6
	Q5_1 Type = 7
	Q8_0 Type = 8
	Q4_K Type = 12
	Q5_K Type = 13
	Q6_K Type = 14
	BF16 Type = 30
)

// types lists what each number stands for: the elements and the bytes of one
// block; ggml/src/ggml.c, type_traits. Numbers left out were withdrawn.
var types = map[Type]struct {
	name         string
	block, bytes int
}{
	F32: {"F32", 1, 4}, F16: {"F16", 1, 2}, BF16: {"BF16", 1, 2},
	24: {"I8", 1, 1}, 25: {"I16", 1, 2}, 26: {"I32", 1, 4}, 27: {"I64", 1, 8}, 28: {"F64", 1, 8},
	Q4_0: {"Q4_0", 32, 18}, Q4_1: {"Q4_1", 32, 20}, Q5_0: {"Q5_0", 32, 22}, Q5_1: {"Q5_1", 32, 24},
	Q8_0: {"Q8_0", 32, 34}, 9: {"Q8_1", 32, 36},
	10: {"Q2_K", 256, 84}, 11: {"Q3_K", 256, 110}, Q4_K: {"Q4_K", 256, 144}, Q5_K: {"Q5_K", 256, 176},
	Q6_K: {"Q6_K", 256, 210}, 15: {"Q8_K", 256, 292},
	16: {"IQ2_XXS", 256, 66}, 17: {"IQ2_XS", 256, 74}, 18: {"IQ3_XXS", 256, 98}, 19: {"IQ1_S", 256, 50},
	20: {"IQ4_NL", 32, 18}, 21: {"IQ3_S", 256, 110}, 22: {"IQ2_S", 256, 82}, 23: {"IQ4_XS", 256, 136},
	29: {"IQ1_M", 256, 56}, 34: {"TQ1_0", 256, 54}, 35: {"TQ2_0", 256, 66},
	39: {"MXFP4", 32, 17}, 40: {"NVFP4", 64, 36}, 41: {"Q1_0", 128, 18},
}

// String returns ggml's name, in capitals.
func (t Type) String() string {
	if x, ok := types[t]; ok {
		return x.name
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// TypeOf returns the type of that name, in capitals, and whether there is one.
func TypeOf(name string) (Type, bool) {
	for t, x := range types {
		if x.name == name {
			return t, true
		}
	}
	return 0, false
}

// Block returns the elements and the bytes of one block, 1 and an element's
// size for types without blocks, and zeros for an unknown type.
func (t Type) Block() (elements, bytes int) {
	x := types[t]
	return x.block, x.bytes
}

// Tensor is one named array, its elements in row-major order.
type Tensor struct {
	Name string
	Type Type
	Dims []int  // outermost first, so [out, in] for a matrix; the file has them reversed
	Data []byte // whole blocks, rows of the innermost dimension one after another; read-only when it comes from a File
}

// The limits of ggml: GGML_MAX_NAME, with its closing zero, and GGML_MAX_DIMS.
const (
	maxName = 63
	maxDims = 4
)

// size checks what is known of a tensor before its data and returns the bytes
// of it.
func (t Tensor) size() (int, error) {
	block, bytes := t.Type.Block()
	switch {
	case block == 0:
		return 0, fmt.Errorf("has the unknown %v; update this program, or convert the file to another type", t.Type)
	case len(t.Dims) > maxDims:
		return 0, fmt.Errorf("has %d dimensions, ggml allows %d", len(t.Dims), maxDims)
	}
	elements := 1
	for _, n := range t.Dims {
		if n < 1 || elements > maxElements/n {
			return 0, fmt.Errorf("dimensions are %v, which is no size of an array", t.Dims)
		}
		elements *= n
	}
	if row := t.row(); row%block != 0 {
		return 0, fmt.Errorf("rows have %d elements, no whole number of %v's blocks of %d", row, t.Type, block)
	}
	return elements / block * bytes, nil
}

// maxElements leaves room for a multiplication by the bytes of an element.
const maxElements = int(^uint(0)>>1) / 16

// row is the innermost dimension.
func (t Tensor) row() int {
	if len(t.Dims) == 0 {
		return 1
	}
	return t.Dims[len(t.Dims)-1]
}
