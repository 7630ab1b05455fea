package gguf

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"
)

// A Writer streams a file: Create or NewWriter writes metadata and the
// tensors' descriptions, then each tensor's bytes follow in that order, in
// pieces of any size, and Close ends the file. The first error is returned by
// all calls after it.
type Writer struct {
	out       *bufio.Writer
	file      *os.File // nil after NewWriter
	path      string
	tensors   []Tensor
	sizes     []int
	begun     int // tensors
	left      int // bytes of the last of them
	alignment uint64
	err       error
}

// NewWriter begins a file on out. Of the tensors it uses name, type and
// dimensions. Nothing is written if they are not what Parse accepts. The
// metadata may set general.alignment, a uint32; without it tensors are aligned
// to 32 bytes.
func NewWriter(out io.Writer, metadata []KeyValue, tensors []Tensor) (*Writer, error) {
	w := &Writer{out: bufio.NewWriterSize(out, 1<<20), tensors: tensors, alignment: defaultAlignment}
	header, err := w.header(metadata)
	if err == nil {
		_, err = w.out.Write(header)
	}
	if err != nil {
		return nil, fmt.Errorf("gguf: %w", err)
	}
	return w, nil
}

// Create begins a file at path. Nothing stands there until Close; what is
// written lies beside it, at path with ".part".
func Create(path string, metadata []KeyValue, tensors []Tensor) (*Writer, error) {
	file, err := os.Create(path + ".part")
	if err != nil {
		return nil, fmt.Errorf("gguf: %w", err)
	}
	w, err := NewWriter(file, metadata, tensors)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w, to be written to %s", err, path), file.Close(), os.Remove(file.Name()))
	}
	w.file, w.path = file, path
	return w, nil
}

// header returns all that comes before the tensors' bytes.
func (w *Writer) header(metadata []KeyValue) ([]byte, error) {
	le := binary.LittleEndian
	b := le.AppendUint32([]byte(magic), version)
	b = le.AppendUint64(b, uint64(len(w.tensors)))
	b = le.AppendUint64(b, uint64(len(metadata)))
	seen := map[string]bool{}
	var err error
	for _, kv := range metadata {
		switch {
		case seen[kv.Key] || !utf8.ValidString(kv.Key):
			return nil, fmt.Errorf("key %q stands twice or is not UTF-8", kv.Key)
		case kv.Value.n != 1 && !kv.Value.list:
			return nil, fmt.Errorf("key %q has no value", kv.Key)
		case kv.Key == alignmentKey:
			if w.alignment, err = alignmentOf(kv.Value); err != nil {
				return nil, err
			}
		}
		seen[kv.Key] = true
		b = kv.Value.append(appendString(b, kv.Key))
	}
	clear(seen)
	offset := uint64(0)
	for _, t := range w.tensors {
		size, err := t.size()
		if err == nil && (seen[t.Name] || len(t.Name) > maxName || !utf8.ValidString(t.Name)) {
			err = fmt.Errorf("stands twice, is not UTF-8 or is longer than %d bytes", maxName)
		}
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		seen[t.Name] = true
		w.sizes = append(w.sizes, size)
		b = le.AppendUint32(appendString(b, t.Name), uint32(len(t.Dims)))
		for i := range t.Dims {
			b = le.AppendUint64(b, uint64(t.Dims[len(t.Dims)-1-i]))
		}
		b = le.AppendUint64(le.AppendUint32(b, uint32(t.Type)), offset)
		offset = pad(offset+uint64(size), w.alignment)
	}
	return append(b, make([]byte, pad(uint64(len(b)), w.alignment)-uint64(len(b)))...), nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint64(b, uint64(len(s))), s...)
}

// append writes the kind and the bytes of v.
func (v Value) append(b []byte) []byte {
	le := binary.LittleEndian
	if v.list {
		b = le.AppendUint32(b, uint32(array))
		b = le.AppendUint64(le.AppendUint32(b, uint32(v.kind)), uint64(v.n))
	} else {
		b = le.AppendUint32(b, uint32(v.kind))
	}
	return append(b, v.raw...)
}

// Tensor says whose bytes come next: the tensor after the last, which must be
// complete.
func (w *Writer) Tensor(name string) error {
	if w.err != nil {
		return w.err
	}
	if err := w.complete(); err != nil {
		return err
	}
	if w.begun == len(w.tensors) || w.tensors[w.begun].Name != name {
		return w.fail(fmt.Errorf("tensor %q is not the one that comes next", name))
	}
	w.left = w.sizes[w.begun]
	w.begun++
	return nil
}

// Write appends to the tensor begun last.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if len(p) > w.left {
		return 0, w.fail(fmt.Errorf("%d bytes more than tensor %d of %d has room for", len(p)-w.left, w.begun, len(w.tensors)))
	}
	n, err := w.out.Write(p)
	if w.left -= n; err != nil {
		return n, w.fail(err)
	}
	return n, nil
}

// complete pads the tensor begun last.
func (w *Writer) complete() error {
	if w.left > 0 {
		return w.fail(fmt.Errorf("tensor %q is %d bytes short", w.tensors[w.begun-1].Name, w.left))
	}
	if w.begun == 0 {
		return nil
	}
	size := uint64(w.sizes[w.begun-1])
	if _, err := w.out.Write(make([]byte, pad(size, w.alignment)-size)); err != nil {
		return w.fail(err)
	}
	return nil
}

func (w *Writer) fail(err error) error {
	w.err = fmt.Errorf("gguf: write %s: %w", w.path, err)
	return w.err
}

// Close ends the file. After an error, or where a tensor is missing, it removes
// what was written and returns the error.
func (w *Writer) Close() error {
	if w.err == nil && w.begun < len(w.tensors) {
		w.fail(fmt.Errorf("%d of %d tensors are missing", len(w.tensors)-w.begun, len(w.tensors)))
	}
	if w.err == nil {
		w.complete()
	}
	if w.err == nil {
		if err := w.out.Flush(); err != nil {
			w.fail(err)
		}
	}
	if w.err != nil {
		return errors.Join(w.err, w.Abort())
	}
	file := w.file
	w.file = nil
	w.fail(errors.New("already closed"))
	if file == nil {
		return nil
	}
	err := file.Close()
	if err == nil {
		err = os.Rename(file.Name(), w.path)
	}
	if err != nil {
		return errors.Join(w.fail(err), os.Remove(file.Name()))
	}
	return nil
}

// Abort removes what was written. After Close it does nothing.
func (w *Writer) Abort() error {
	if w.file == nil {
		return nil
	}
	err := errors.Join(w.file.Close(), os.Remove(w.file.Name()))
	w.file = nil
	if w.err == nil {
		w.fail(errors.New("aborted"))
	}
	return err
}

// Write writes a whole file at once, tensors with their data.
func Write(out io.Writer, metadata []KeyValue, tensors []Tensor) error {
	w, err := NewWriter(out, metadata, tensors)
	if err != nil {
		return err
	}
	for _, t := range tensors {
		if err := w.Tensor(t.Name); err != nil {
			return err
		}
		if _, err := w.Write(t.Data); err != nil {
			return err
		}
	}
	return w.Close()
}
