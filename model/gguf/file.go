// Package gguf reads and writes GGUF, the file format of ggml: metadata of
// named values, then the names, types and shapes of tensors, then their bytes,
// each aligned. Versions 2 and 3 are read, little-endian, and 3 is written.
//
// The rules are those of ggml/src/gguf.cpp: nothing is believed before it is
// checked against the file, so a File that opened without error can be used
// without further checks.
package gguf

import (
	"errors"
	"fmt"
	"os"

	"github.com/edsrzf/mmap-go"
)

// File is an open GGUF file. It may be read from several goroutines.
type File struct {
	Version  uint32
	Metadata []KeyValue // in the order of the file
	Tensors  []Tensor   // in the order of the file

	name    string
	keys    map[string]Value
	tensors map[string]int
	mapping mmap.MMap // nil after Parse
	parts   []*File   // the other files of a split model
}

// Open maps the file at path into memory and checks all but the tensors' bytes.
// Pages are read when they are touched. The file must not shrink while it is
// open. If it is the first of a split model, it has the tensors of all.
//
// Every error names the file, the key or tensor where there is one, and what
// to do.
func Open(path string) (*File, error) {
	f, err := openOne(path)
	if err != nil {
		return nil, err
	}
	if err := f.join(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func openOne(path string) (*File, error) {
	osFile, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("gguf: %w", err)
	}
	defer osFile.Close() // the mapping outlives the descriptor
	info, err := osFile.Stat()
	if err != nil {
		return nil, fmt.Errorf("gguf: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("gguf: %s: not a regular file, so it cannot be mapped; copy it to a file first", path)
	}
	if info.Size() == 0 { // cannot be mapped
		return nil, fmt.Errorf("gguf: %s: the file is empty; download it again", path)
	}
	mapping, err := mmap.Map(osFile, mmap.RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("gguf: map %s into memory: %w", path, err)
	}
	f, err := Parse(mapping, path)
	if err != nil {
		mapping.Unmap()
		return nil, err
	}
	f.mapping = mapping
	return f, nil
}

// Parse reads a file that is already in memory; name stands for it in errors.
// Values and tensors share data, which must not be changed while the File is
// in use.
func Parse(data []byte, name string) (*File, error) {
	f := &File{name: name, keys: map[string]Value{}, tensors: map[string]int{}}
	if err := f.parse(data); err != nil {
		return nil, fmt.Errorf("gguf: %s: %w", name, err)
	}
	return f, nil
}

// Name returns what the file was opened as.
func (f *File) Name() string { return f.name }

// Value returns the value of a key and whether the file has it.
func (f *File) Value(key string) (Value, bool) {
	v, ok := f.keys[key]
	return v, ok
}

// Tensor returns the named tensor and whether the file has it. Its Data
// points into the file and is valid until Close.
func (f *File) Tensor(name string) (Tensor, bool) {
	i, ok := f.tensors[name]
	if !ok {
		return Tensor{}, false
	}
	return f.Tensors[i], true
}

// Close unmaps the file; values and tensors taken from it must not be used
// afterwards. A second Close does nothing.
func (f *File) Close() error {
	f.Metadata, f.Tensors, f.keys, f.tensors = nil, nil, nil, nil
	var errs []error
	for _, part := range f.parts {
		errs = append(errs, part.Close())
	}
	f.parts = nil
	if f.mapping != nil {
		if err := f.mapping.Unmap(); err != nil {
			errs = append(errs, fmt.Errorf("gguf: unmap %s: %w", f.name, err))
		}
		f.mapping = nil
	}
	return errors.Join(errs...)
}
