// Package safetensors reads and writes the safetensors format: eight bytes of
// header length, a JSON header, and the tensors' bytes without gaps.
//
// The rules are those of the official crate (huggingface/safetensors,
// safetensors/src/tensor.rs, Metadata::validate): nothing in the header is
// believed before it is checked against the file, so a File that opened
// without error can be used without further checks.
package safetensors

import (
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/edsrzf/mmap-go"
)

// File is an open safetensors file. It may be read from several goroutines.
type File struct {
	Metadata map[string]string // the header's __metadata__; may be nil

	name    string
	tensors map[string]Tensor
	mapping mmap.MMap // nil after Parse
}

// Open maps the file at path into memory and checks its header. Pages are
// read when a tensor is touched. The file must not shrink while it is open.
//
// Every error names the file, the tensor where there is one, and what to do.
func Open(path string) (*File, error) {
	osFile, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	defer osFile.Close() // the mapping outlives the descriptor
	info, err := osFile.Stat()
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("safetensors: %s: not a regular file, so it cannot be mapped; copy it to a file first", path)
	}
	if info.Size() < lengthBytes { // an empty file cannot be mapped
		return nil, fmt.Errorf("safetensors: %s: %w", path, errTooShort(info.Size()))
	}
	mapping, err := mmap.Map(osFile, mmap.RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("safetensors: map %s into memory: %w", path, err)
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
// The tensors share data, which must not be changed while the File is in use.
func Parse(data []byte, name string) (*File, error) {
	metadata, tensors, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %s: %w", name, err)
	}
	return &File{Metadata: metadata, name: name, tensors: tensors}, nil
}

// Names returns the names of all tensors, sorted.
func (f *File) Names() []string {
	return slices.Sorted(maps.Keys(f.tensors))
}

// Tensor returns the named tensor and whether the file has it. Its Data
// points into the file and is valid until Close.
func (f *File) Tensor(name string) (Tensor, bool) {
	t, ok := f.tensors[name]
	return t, ok
}

// Close unmaps the file; tensors taken from it must not be used afterwards.
// A second Close does nothing.
func (f *File) Close() error {
	f.tensors = nil
	if f.mapping == nil {
		return nil
	}
	err := f.mapping.Unmap()
	f.mapping = nil
	if err != nil {
		return fmt.Errorf("safetensors: unmap %s: %w", f.name, err)
	}
	return nil
}
