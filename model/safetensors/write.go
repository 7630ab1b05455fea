package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// Write writes a whole file. Tensors are laid out by type, wide ones first,
// and then by name, so that each is aligned to its type; equal input gives
// equal bytes, those of the official crate. A tensor whose data does not fit
// its type and shape, a name that comes twice, and the name __metadata__ are
// errors, given before anything is written.
func Write(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	sorted := slices.Clone(tensors)
	slices.SortStableFunc(sorted, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(slices.Index(layout, b.DType), slices.Index(layout, a.DType)), cmp.Compare(a.Name, b.Name))
	})
	entries := make([]entry, 0, len(sorted))
	for _, t := range sorted {
		e, err := entryOf(t, entries)
		if err != nil {
			return fmt.Errorf("safetensors: %w", err)
		}
		entries = append(entries, e)
	}
	header, err := headerBytes(entries, metadata)
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	if _, err := w.Write(header); err != nil {
		return fmt.Errorf("safetensors: write header: %w", err)
	}
	for _, t := range sorted {
		if _, err := w.Write(t.Data); err != nil {
			return fmt.Errorf("safetensors: write tensor %q: %w", t.Name, err)
		}
	}
	return nil
}

// entryOf checks t and places it behind the tensors already laid out.
func entryOf(t Tensor, before []entry) (entry, error) {
	want, ok := sizeBytes(t.DType, t.Shape)
	switch {
	case t.Name == metadataName:
		return entry{}, fmt.Errorf("a tensor cannot be named %q", t.Name)
	case !utf8.ValidString(t.Name):
		return entry{}, fmt.Errorf("tensor name %q is not UTF-8", t.Name)
	case t.DType.Size() == 0:
		return entry{}, fmt.Errorf("tensor %q: dtype is %q, which this program does not know", t.Name, string(t.DType))
	case !ok || want != len(t.Data):
		return entry{}, fmt.Errorf("tensor %q: has %d bytes, %s %v needs %d", t.Name, len(t.Data), t.DType, t.Shape, want)
	}
	begin := 0
	if len(before) > 0 {
		begin = before[len(before)-1].end
	}
	return entry{t.Name, t.DType, t.Shape, begin, begin + len(t.Data)}, nil
}

// headerBytes returns the length and the JSON header, padded with spaces to a
// multiple of eight bytes so that the data behind it is aligned.
func headerBytes(entries []entry, metadata map[string]string) ([]byte, error) {
	buf := bytes.NewBuffer(make([]byte, lengthBytes))
	buf.WriteByte('{')
	if metadata != nil {
		if err := writeField(buf, metadataName, metadata); err != nil {
			return nil, err
		}
	}
	seen := map[string]bool{}
	for _, e := range entries {
		if seen[e.name] {
			return nil, fmt.Errorf("two tensors are named %q", e.name)
		}
		seen[e.name] = true
		err := writeField(buf, e.name, struct {
			DType   DType  `json:"dtype"`
			Shape   []int  `json:"shape"`
			Offsets [2]int `json:"data_offsets"`
		}{e.dtype, append([]int{}, e.shape...), [2]int{e.begin, e.end}})
		if err != nil {
			return nil, err
		}
	}
	buf.WriteByte('}')
	for buf.Len()%8 != 0 {
		buf.WriteByte(' ')
	}
	header := buf.Bytes()
	if len(header)-lengthBytes > maxHeader {
		return nil, fmt.Errorf("the header has %d bytes, more than the format's %d; write fewer tensors", len(header)-lengthBytes, maxHeader)
	}
	binary.LittleEndian.PutUint64(header, uint64(len(header)-lengthBytes))
	return header, nil
}

// writeField appends "name": value to the object in buf.
func writeField(buf *bytes.Buffer, name string, value any) error {
	if buf.Len() > lengthBytes+1 {
		buf.WriteByte(',')
	}
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	for _, part := range []struct {
		value any
		after string
	}{{name, ":"}, {value, ""}} {
		if err := enc.Encode(part.value); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		buf.Truncate(buf.Len() - 1) // Encode ends with a line break
		buf.WriteString(part.after)
	}
	return nil
}
