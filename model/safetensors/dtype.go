package safetensors

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/x448/float16"
)

// DType is the element type of a tensor, spelled as in the file.
type DType string

// The element types of the format that fill whole bytes. The crate's newer
// types of 4 and 6 bits are refused: nothing this program reads uses them.
const (
	Bool   DType = "BOOL"
	U8     DType = "U8"
	I8     DType = "I8"
	F8E5M2 DType = "F8_E5M2"
	F8E4M3 DType = "F8_E4M3"
	F8E8M0 DType = "F8_E8M0"
	I16    DType = "I16"
	U16    DType = "U16"
	F16    DType = "F16"
	BF16   DType = "BF16"
	I32    DType = "I32"
	U32    DType = "U32"
	F32    DType = "F32"
	C64    DType = "C64"
	F64    DType = "F64"
	I64    DType = "I64"
	U64    DType = "U64"
)

// layout is the order of the crate's Dtype, by which it sorts tensors, last
// first, so that wide ones come before narrow ones.
var layout = []DType{Bool, U8, I8, F8E5M2, F8E4M3, F8E8M0, I16, U16, F16, BF16, I32, U32, F32, C64, F64, I64, U64}

// Size returns the bytes of one element, 0 for a type this package does not
// know.
func (d DType) Size() int {
	switch d {
	case Bool, U8, I8, F8E5M2, F8E4M3, F8E8M0:
		return 1
	case I16, U16, F16, BF16:
		return 2
	case I32, U32, F32:
		return 4
	case C64, F64, I64, U64:
		return 8
	}
	return 0
}

// Tensor is one named array, its elements in row-major order, little-endian.
type Tensor struct {
	Name  string
	DType DType
	Shape []int  // empty for a scalar
	Data  []byte // len = product(Shape) * DType.Size(); read-only when it comes from a File
}

// FromFloat32s returns an F32 tensor with a copy of values; shape is not
// checked until the tensor is written.
func FromFloat32s(name string, shape []int, values []float32) Tensor {
	data := make([]byte, 4*len(values))
	for i, v := range values {
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(v))
	}
	return Tensor{Name: name, DType: F32, Shape: shape, Data: data}
}

// Float32s returns the elements of an F32, F16 or BF16 tensor as float32, a
// copy. All three convert exactly. Other types are an error.
func (t Tensor) Float32s() ([]float32, error) {
	size := t.DType.Size()
	if size == 0 || len(t.Data)%size != 0 {
		return nil, fmt.Errorf("tensor %q: %d bytes are no whole number of %s elements", t.Name, len(t.Data), t.DType)
	}
	values := make([]float32, len(t.Data)/size)
	switch t.DType {
	case F32:
		for i := range values {
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
		}
	case F16:
		for i := range values {
			values[i] = float16.Frombits(binary.LittleEndian.Uint16(t.Data[2*i:])).Float32()
		}
	case BF16:
		for i := range values {
			values[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(t.Data[2*i:])) << 16)
		}
	default:
		return nil, fmt.Errorf("tensor %q: is %s, want F32, F16 or BF16", t.Name, t.DType)
	}
	return values, nil
}

// sizeBytes returns product(shape) * d.Size() and whether it is a number of
// bytes that fits an int: no negative dimension, no overflow. A zero
// dimension makes the product zero, but the others must still multiply
// without overflow, as in the reference implementation.
func sizeBytes(d DType, shape []int) (int, bool) {
	size := d.Size()
	for _, n := range shape {
		if n < 0 || n > 0 && size > math.MaxInt/n {
			return 0, false
		}
		size *= n
	}
	return size, true
}
