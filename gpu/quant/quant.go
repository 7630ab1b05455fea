// Package quant is the host side of shaders/quant: how each weight format lies
// in memory. A test of gpu/ops holds the two together.
package quant

import (
	"fmt"
	"strings"
)

// A Format says how rows of weights become the arrays that its shader binds.
// A format may have several: words in one, scales in another.
type Format struct {
	Name       string // the file shaders/quant/<Name>.wgsl
	Block      int    // weights a block; a row is whole blocks
	BlockBytes []int  // bytes a block in each part

	// Pack returns the parts of w, one for each binding of group 1. The number
	// of weights is a multiple of Block.
	Pack func(w []float32) [][]byte

	// Unpack returns the weights that the shader sees in parts: Pack undone,
	// but for the precision lost.
	Unpack func(parts [][]byte) []float32

	// Codec is how a GGUF file holds the weights, nil where it is as the device
	// does: f32, f16 and bf16.
	Codec *Codec
}

// Formats lists every format. Tests range over it. The kernels read eight
// weights at a time, so no block is smaller.
var Formats = []Format{F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K}

// Lookup returns the format of that name. The error lists those there are.
func Lookup(name string) (Format, error) {
	var names []string
	for _, f := range Formats {
		if f.Name == name {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return Format{}, fmt.Errorf("weight format %q is unknown; there are %s", name, strings.Join(names, ", "))
}

// RowBytes returns how many bytes a row of cols weights takes in each part.
// cols is a multiple of Block.
func (f Format) RowBytes(cols int) []int {
	sizes := make([]int, len(f.BlockBytes))
	for i, n := range f.BlockBytes {
		sizes[i] = cols / f.Block * n
	}
	return sizes
}
