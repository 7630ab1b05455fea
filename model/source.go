package model

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"pixtral-wgpu/gpu/quant"
)

// A Source holds the tensors of a checkpoint under Mistral's names, with the
// rows of q and k in Mistral's order (pairs of a rotation side by side),
// whatever the files call them and however they order them. It may be read from
// several goroutines.
type Source interface {
	Names() []string // sorted
	Tensor(name string) (Tensor, bool)
	Close() error // its tensors must not be read afterwards
}

// A Tensor is one array of a Source: a matrix of weights, a norm or a bias.
type Tensor struct {
	Name   string       // Mistral's
	Origin string       // the file and its own name for the tensor, for errors
	Shape  []int        // outermost dimension first; a matrix is [out, in]
	Format quant.Format // of the rows as they lie in the file

	// Rows returns the rows from..to (of the outermost dimension) as a file of
	// the format has them. They may be those of a mapped file: do not write.
	Rows func(from, to int) ([]byte, error)
}

// Cols returns the weights of a row.
func (t Tensor) Cols() int {
	n := 1
	for _, d := range t.Shape[1:] {
		n *= d
	}
	return n
}

// RowBytes returns the bytes of a row in the file.
func (t Tensor) RowBytes() int { return fileBytes(t.Format, t.Cols()) }

// Bytes returns the size of the tensor in the file.
func (t Tensor) Bytes() uint64 { return uint64(t.Shape[0]) * uint64(t.RowBytes()) }

// Floats returns the weights of rows from..to.
func (t Tensor) Floats(from, to int) ([]float32, error) {
	data, err := t.Rows(from, to)
	if err != nil {
		return nil, err
	}
	if codec := t.Format.Codec; codec != nil {
		w := make([]float32, (to-from)*t.Cols())
		codec.Dequantize(w, data)
		return w, nil
	}
	return t.Format.Unpack([][]byte{data}), nil
}

// fileBytes returns the bytes that n weights, whole blocks, take in a file.
func fileBytes(f quant.Format, n int) int {
	if f.Codec != nil {
		return n / f.Codec.Weights * f.Codec.Bytes
	}
	return n * f.BlockBytes[0] / f.Block
}

// A mapped source is tensors of open files, renamed. Each format has a mapper
// that fills one.
type mapped struct {
	tensors map[string]Tensor
	files   []io.Closer
}

func (m *mapped) Names() []string { return slices.Sorted(maps.Keys(m.tensors)) }

func (m *mapped) Tensor(name string) (Tensor, bool) {
	t, ok := m.tensors[name]
	return t, ok
}

func (m *mapped) Close() error {
	var list []error
	for _, f := range m.files {
		list = append(list, f.Close())
	}
	m.tensors, m.files = nil, nil
	return errors.Join(list...)
}

// add puts t, whose rows lie in data, under its name. A headDim tells that they
// lie in Hugging Face's order.
func (m *mapped) add(t Tensor, data []byte, headDim int) error {
	if len(t.Shape) == 0 {
		return fmt.Errorf("%s is a single number, not a matrix or a vector", t.Origin)
	}
	if other, ok := m.tensors[t.Name]; ok {
		return fmt.Errorf("%s and %s are both %s; remove the file that does not belong to this model", other.Origin, t.Origin, t.Name)
	}
	codec := t.Format.Codec
	switch {
	case codec != nil && len(t.Shape) == 1:
		return fmt.Errorf("%s is of type %s; a norm or a bias is F32, F16 or BF16", t.Origin, t.Format.Name)
	case codec != nil && t.Cols()%codec.Weights != 0:
		return fmt.Errorf("%s has rows of %d weights, which %s cannot hold: its blocks have %d", t.Origin, t.Cols(), t.Format.Name, codec.Weights)
	case t.Bytes() != uint64(len(data)):
		return fmt.Errorf("%s has %d bytes, want %d for %v of %s", t.Origin, len(data), t.Bytes(), t.Shape, t.Format.Name)
	}
	size := t.RowBytes()
	t.Rows = func(from, to int) ([]byte, error) { return data[from*size : to*size], nil }
	if headDim > 0 && t.Shape[0]%headDim == 0 { // other heights fail the check of shapes
		t.Rows = interleave(data, size, headDim)
	}
	if m.tensors == nil {
		m.tensors = map[string]Tensor{}
	}
	m.tensors[t.Name] = t
	return nil
}

// interleave returns the rows of q or k in Mistral's order. Hugging Face has,
// head by head, the first members of all pairs and then the second:
// theirs[s*d/2 + i] = ours[2i + s] (transformers, convert_pixtral_weights_to_hf.py).
func interleave(data []byte, size, headDim int) func(from, to int) ([]byte, error) {
	return func(from, to int) ([]byte, error) {
		rows := make([]byte, 0, (to-from)*size)
		for r := from; r < to; r++ {
			within := r % headDim
			theirs := r - within + within%2*headDim/2 + within/2
			rows = append(rows, data[theirs*size:(theirs+1)*size]...)
		}
		return rows, nil
	}
}
