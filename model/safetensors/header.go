package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

const (
	lengthBytes  = 8           // the header's length, u64
	maxHeader    = 100_000_000 // MAX_HEADER_SIZE of the official crate
	metadataName = "__metadata__"
)

// entry is one tensor as the header describes it.
type entry struct {
	name       string
	dtype      DType
	shape      []int
	begin, end int // data_offsets, in bytes from the end of the header
}

func errTooShort(size int64) error {
	return fmt.Errorf("the file has %d bytes, too few for a safetensors header; download it again", size)
}

// parse checks the whole file and returns its metadata and tensors.
func parse(file []byte) (map[string]string, map[string]Tensor, error) {
	if len(file) < lengthBytes {
		return nil, nil, errTooShort(int64(len(file)))
	}
	length := binary.LittleEndian.Uint64(file)
	if length > maxHeader {
		return nil, nil, fmt.Errorf("header length is %d, more than the format's %d: this is not a safetensors file; check that it is the weights and not, say, a web page or a pointer", length, maxHeader)
	}
	if length > uint64(len(file)-lengthBytes) {
		return nil, nil, fmt.Errorf("the file is truncated: its header needs bytes 8..%d, the file has %d; download it again", lengthBytes+length, len(file))
	}
	header, data := file[lengthBytes:lengthBytes+length], file[lengthBytes+length:]
	metadata, entries, err := readHeader(header)
	if err != nil {
		return nil, nil, err
	}
	if err := checkOffsets(entries, len(data), len(file)-len(data)); err != nil {
		return nil, nil, err
	}
	tensors := make(map[string]Tensor, len(entries))
	for _, e := range entries {
		// The third index keeps an append from writing into the next tensor.
		tensors[e.name] = Tensor{Name: e.name, DType: e.dtype, Shape: e.shape, Data: data[e.begin:e.end:e.end]}
	}
	return metadata, tensors, nil
}

// checkOffsets sorts entries by their place and refuses every layout but the
// one where they fill the data section exactly, in order. start is where the
// data section begins in the file; errors speak of places in the file.
func checkOffsets(entries []entry, size, start int) error {
	slices.SortFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), cmp.Compare(a.name, b.name))
	})
	at := 0
	for _, e := range entries {
		want, ok := sizeBytes(e.dtype, e.shape)
		switch {
		case !ok:
			return fmt.Errorf("tensor %q: shape %v of %s is more bytes than can be counted; the header is corrupt", e.name, e.shape, e.dtype)
		case e.end < e.begin || e.end-e.begin != want:
			return fmt.Errorf("tensor %q: data_offsets are [%d, %d], but %s %v needs %d bytes; the header is corrupt", e.name, e.begin, e.end, e.dtype, e.shape, want)
		case e.end > size:
			return fmt.Errorf("the file is truncated: tensor %q needs bytes %d..%d, the file has %d; download it again", e.name, start+e.begin, start+e.end, start+size)
		case e.begin < at:
			return fmt.Errorf("tensor %q: overlaps the tensor before it by %d bytes; the header is corrupt", e.name, at-e.begin)
		case e.begin > at:
			return fmt.Errorf("tensor %q: %d bytes before it belong to no tensor; the header is corrupt", e.name, e.begin-at)
		}
		at = e.end
	}
	if at != size {
		return fmt.Errorf("the last tensor ends at byte %d, the file has %d: the rest belongs to no tensor; download it again", start+at, start+size)
	}
	return nil
}

// readHeader parses the JSON header token by token, because encoding/json
// alone lets a second entry of the same name silently replace the first.
func readHeader(header []byte) (map[string]string, []entry, error) {
	if len(header) == 0 || header[0] != '{' {
		return nil, nil, errors.New("the header is not a JSON object: this is not a safetensors file")
	}
	if !utf8.Valid(header) {
		return nil, nil, errors.New("the header is not UTF-8; the file is corrupt")
	}
	dec := json.NewDecoder(bytes.NewReader(header))
	var metadata map[string]string
	var entries []entry
	err := readObject(dec, func(name string) error {
		if name == metadataName {
			metadata = map[string]string{}
			return readMetadata(dec, metadata)
		}
		e, err := readEntry(dec, name)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		entries = append(entries, e)
		return nil
	})
	if err == nil {
		if _, trailing := dec.Token(); trailing != io.EOF {
			err = errors.New("something follows the JSON object")
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("header: %w", err)
	}
	return metadata, entries, nil
}

// readObject reads one JSON object, calling value for each key to read what
// stands behind it. A key that comes twice is an error.
func readObject(dec *json.Decoder, value func(key string) error) error {
	token, err := dec.Token()
	if err != nil {
		return jsonError(err)
	}
	if token != json.Delim('{') {
		return fmt.Errorf("found %v, want a JSON object", token)
	}
	seen := map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return jsonError(err)
		}
		key, ok := token.(string)
		if !ok {
			return fmt.Errorf("found %v, want a name", token)
		}
		if seen[key] {
			return fmt.Errorf("%q stands twice; the header is corrupt", key)
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	_, err = dec.Token() // the closing brace
	return jsonError(err)
}

func readMetadata(dec *json.Decoder, metadata map[string]string) error {
	err := readObject(dec, func(key string) error {
		var value *string // a pointer tells null from ""
		if err := dec.Decode(&value); err != nil {
			return fmt.Errorf("%q: %w", key, jsonError(err))
		}
		if value == nil {
			return fmt.Errorf("%q is null, want a string", key)
		}
		metadata[key] = *value
		return nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w", metadataName, err)
	}
	return nil
}

// readEntry reads {"dtype": …, "shape": […], "data_offsets": [begin, end]}.
// Other fields are skipped, as the official crate does.
func readEntry(dec *json.Decoder, name string) (entry, error) {
	e := entry{name: name}
	var offsets []int
	err := readObject(dec, func(key string) error {
		var err error
		switch key {
		case "dtype":
			err = dec.Decode(&e.dtype)
		case "shape":
			err = dec.Decode(&e.shape)
		case "data_offsets":
			err = dec.Decode(&offsets)
		default:
			err = dec.Decode(new(json.RawMessage))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, jsonError(err))
		}
		return nil
	})
	switch {
	case err != nil:
		return e, err
	case e.dtype.Size() == 0:
		return e, fmt.Errorf("dtype is %q, which this program does not know", string(e.dtype))
	case e.shape == nil:
		return e, errors.New("has no shape")
	case len(offsets) != 2 || offsets[0] < 0 || offsets[1] < 0:
		return e, fmt.Errorf("data_offsets are %v, want [begin, end]", offsets)
	}
	e.begin, e.end = offsets[0], offsets[1]
	return e, nil
}

// jsonError says of an early end of the JSON what it means here: the header's
// stated length cut it.
func jsonError(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errors.New("the JSON ends early; the file is corrupt, download it again")
	}
	return err
}
