package safetensors

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// testdata/fixture.safetensors was written by the official Python library.
func TestOpenReadsOfficialFile(t *testing.T) {
	f, err := Open("testdata/fixture.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"bf16", "bool", "empty", "f16", "f32", "i64", "layers.0.é世", "scalar"}
	if got := f.Names(); !slices.Equal(got, names) {
		t.Errorf("names are %q, want %q", got, names)
	}
	if f.Metadata["format"] != "pt" || f.Metadata["note"] != "line\nbreak" {
		t.Errorf("metadata is %q", f.Metadata)
	}
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		name  string
		shape []int
		want  []float32
	}{
		{"f32", []int{2, 3}, []float32{0, 1, -2.5, 65504, 0x1p-24, inf}},
		{"f16", []int{2, 3}, []float32{0, 1, -2.5, 65504, 0x1p-24, inf}}, // 2^-24 is f16's smallest
		{"bf16", []int{4}, []float32{1, -3, 0x1p127, 0.15625}},
		{"scalar", []int{}, []float32{7}},
		{"empty", []int{3, 0}, []float32{}},
	} {
		tensor, ok := f.Tensor(c.name)
		if !ok || !slices.Equal(tensor.Shape, c.shape) {
			t.Errorf("%s: found %v, shape %v, want %v", c.name, ok, tensor.Shape, c.shape)
			continue
		}
		if got, err := tensor.Float32s(); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s is %v, %v, want %v", c.name, got, err, c.want)
		}
	}
	if i64, _ := f.Tensor("i64"); i64.DType != I64 || int64(binary.LittleEndian.Uint64(i64.Data[8:])) != 1<<40 {
		t.Errorf("i64 is %v", i64)
	} else if _, err := i64.Float32s(); err == nil {
		t.Error("Float32s of I64 gave no error")
	}
	if _, ok := f.Tensor("missing"); ok {
		t.Error("found a tensor that is not there")
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if err := f.Close(); err != nil {
		t.Error("second Close:", err)
	}
}

func TestOpenErrorsNameTheFile(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.safetensors")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{empty, dir, filepath.Join(dir, "missing.safetensors")} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("Open(%s) gave %v", path, err)
		}
	}
}

// file joins a header and n bytes of data as they stand in a file.
func file(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, n)...)
}

func TestParseRefuses(t *testing.T) {
	const one = `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`
	for _, c := range []struct {
		why  string
		file []byte
		want string // part of the error
	}{
		{"shorter than the length", []byte("1234567"), "too few"},
		{"a web page", []byte("<!DOCTYPE html><html>"), "not a safetensors file"},
		{"length beyond the cap", binary.LittleEndian.AppendUint64(nil, 100_000_001), "header length is 100000001"},
		{"length of 2^64-1", bytes.Repeat([]byte{255}, 64), "header length"},
		{"header cut", file(one, 8)[:30], "its header needs bytes 8..62, the file has 30"},
		{"data cut", file(one, 7), `tensor "a" needs bytes 62..70, the file has 69; download it again`},
		{"no header", file("", 0), "not a JSON object"},
		{"header not an object", file("[]", 0), "not a JSON object"},
		{"space before the object", file(" {}", 0), "not a JSON object"},
		{"JSON cut", file(one[:20], 8), "JSON ends early"},
		{"JSON wrong", file(`{"a":}`, 0), "invalid character"},
		{"JSON goes on", file(`{}{}`, 0), "something follows"},
		{"not UTF-8", file("{\"\xff\":1}", 0), "not UTF-8"},
		{"same name twice", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), `"a" stands twice`},
		{"same name, once escaped", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), `"a" stands twice`},
		{"same field twice", file(`{"a":{"dtype":"U8","dtype":"F32","shape":[4],"data_offsets":[0,4]}}`, 4), `"dtype" stands twice`},
		{"metadata twice", file(`{"__metadata__":{},"__metadata__":{}}`, 0), "stands twice"},
		{"metadata not strings", file(`{"__metadata__":{"n":1}}`, 0), `__metadata__: "n"`},
		{"metadata null", file(`{"__metadata__":{"n":null}}`, 0), "want a string"},
		{"tensor not an object", file(`{"a":[1]}`, 0), `tensor "a": found [`},
		{"unknown type", file(`{"a":{"dtype":"F7","shape":[1],"data_offsets":[0,1]}}`, 1), `dtype is "F7"`},
		{"no type", file(`{"a":{"shape":[1],"data_offsets":[0,1]}}`, 1), `dtype is ""`},
		{"no shape", file(`{"a":{"dtype":"U8","data_offsets":[0,1]}}`, 1), "no shape"},
		{"no offsets", file(`{"a":{"dtype":"U8","shape":[1]}}`, 1), "want [begin, end]"},
		{"three offsets", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}`, 1), "want [begin, end]"},
		{"negative offset", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}}`, 1), "want [begin, end]"},
		{"negative dimension", file(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,0]}}`, 0), "more bytes than can be counted"},
		{"fractional dimension", file(`{"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}}`, 1), `tensor "a": shape`},
		{"product overflows", file(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0), "more bytes than can be counted"},
		{"bytes overflow", file(`{"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}}`, 0), "more bytes than can be counted"},
		{"offsets exchanged", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}`, 1), "data_offsets are [1, 0]"},
		{"wrong type for the bytes", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4), "F32 [2] needs 8 bytes"},
		{"gap before", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), "1 bytes before it belong to no tensor"},
		{"gap behind", file(one, 9), "ends at byte 70, the file has 71"},
		{"data without tensor", file(`{}`, 1), "belongs to no tensor"},
		{"overlap", file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3), `tensor "b": overlaps`},
		{"same bytes twice", file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 2), `tensor "b": overlaps`},
	} {
		_, err := Parse(c.file, "w.safetensors")
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "w.safetensors") {
			t.Errorf("%s: error is %v, want one with %q", c.why, err, c.want)
		}
	}
}

func TestParseAccepts(t *testing.T) {
	for _, c := range []struct {
		why  string
		file []byte
	}{
		{"no tensor", file(`{}`, 0)},
		{"spaces behind the header", file(`{}      `, 0)},
		{"unknown field", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":{"y":[1]}}}`, 1)},
		{"order of names is not order of data", file(`{"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 2)},
		{"empty tensors share a place", file(`{"b":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]}}`, 0)},
	} {
		if _, err := Parse(c.file, "w"); err != nil {
			t.Errorf("%s: %v", c.why, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	official, err := os.ReadFile("testdata/fixture.safetensors")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(official)
	f.Add(official[:len(official)-1])
	f.Add(file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"k":"v"}}`, 8))
	f.Add(file(`{"a":{"dtype":"BF16","shape":[],"data_offsets":[0,2]},"a":{}}`, 2))
	f.Add(file(`{"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}}`, 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		parsed, err := Parse(data, "fuzz")
		if err != nil {
			return
		}
		var tensors []Tensor
		for _, name := range parsed.Names() {
			tensor, _ := parsed.Tensor(name)
			switch tensor.DType {
			case F32, F16, BF16:
				if _, err := tensor.Float32s(); err != nil {
					t.Error(err)
				}
			}
			tensors = append(tensors, tensor)
		}
		// What was accepted can be written, and reads back the same.
		var buf bytes.Buffer
		if err := Write(&buf, tensors, parsed.Metadata); err != nil {
			t.Fatal(err)
		}
		again, err := Parse(buf.Bytes(), "again")
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(again.Names(), parsed.Names()) {
			t.Errorf("names are %q, want %q", again.Names(), parsed.Names())
		}
	})
}
