package gguf

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// build joins numbers (uint32, uint64), strings with their length, and raw
// bytes as they stand in a file.
func build(parts ...any) (b []byte) {
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = binary.LittleEndian.AppendUint64(b, uint64(p))
		case string:
			b = appendString(b, p)
		case []byte:
			b = append(b, p...)
		default:
			b, _ = binary.Append(b, binary.LittleEndian, p)
		}
	}
	return b
}

// file is a header with its counts, and what follows.
func file(tensors, keys int, parts ...any) []byte {
	return append(build([]byte("GGUF"), uint32(3), tensors, keys), build(parts...)...)
}

// padded fills up to the data section, with room for a few tensors.
func padded(b []byte) []byte {
	return append(b, make([]byte, int(pad(uint64(len(b)), 32))-len(b)+1024)...)
}

var (
	u32       = func(n int) uint32 { return uint32(n) }
	space     = make([]byte, 64)
	tensorF32 = func(name string, offset int, dims ...any) []byte {
		b := build(name, u32(len(dims)))
		return append(append(b, build(dims...)...), build(uint32(F32), offset)...)
	}
)

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		why  string
		file []byte
		want string // part of the error
	}{
		{"nothing", nil, "the file is cut"},
		{"a web page", []byte("<!DOCTYPE html>"), `begins with "<!DO", not "GGUF"`},
		{"only the magic", []byte("GGUF"), "the file is cut"},
		{"version 1", build([]byte("GGUF"), uint32(1), 0, 0), "version 1"},
		{"version 4", build([]byte("GGUF"), uint32(4), 0, 0), "version 4, this program knows 2 and 3"},
		{"big-endian", build([]byte("GGUF"), uint32(3<<24), 0, 0), "big-endian"},
		{"2^60 keys", file(0, 1<<60, space), "claims 0 tensors and 1152921504606846976 keys"},
		{"2^60 tensors", file(1<<60, 0, space), "more than its 88 bytes can hold"},
		{"2^64-1 keys", file(0, -1, space), "18446744073709551615 keys"},
		{"a key more than there are", file(0, 2, "k", uint32(Uint8), byte(1), space[:12]), "metadata 2 of 2"},
		{"key of 2^60 bytes", file(0, 1, 1<<60, space), "1152921504606846976 bytes are wanted at byte 32"},
		{"key not UTF-8", file(0, 1, "\xff", uint32(Uint8), byte(1), space), "not UTF-8"},
		{"key twice", file(0, 2, "k", uint32(Uint8), byte(1), "k", uint32(Bool), byte(1), space), `key "k" stands twice`},
		{"kind 13", file(0, 1, "k", uint32(13), space), `key "k": has the unknown kind 13`},
		{"kind 2^31", file(0, 1, "k", uint32(1<<31), space), "unknown kind 2147483648"},
		{"string of 2^60 bytes", file(0, 1, "k", uint32(String), 1<<60, space), "are wanted"},
		{"list of 2^60", file(0, 1, "k", uint32(array), uint32(Uint8), 1<<60, space), "1152921504606846976 values of u8"},
		{"list of 2^61 doubles, 0 bytes modulo 2^64", file(0, 1, "k", uint32(array), uint32(Float64), 1<<61, space), "2305843009213693952 values of f64"},
		{"list of 2^60 strings", file(0, 1, "k", uint32(array), uint32(String), 1<<60, space), "values of string"},
		{"list with a long string", file(0, 1, "k", uint32(array), uint32(String), 2, 1<<62, space), "are wanted"},
		{"list of lists", file(0, 1, "k", uint32(array), uint32(array), 1, uint32(Uint8), 1, space), "array of arrays"},
		{"list of kind 99", file(0, 1, "k", uint32(array), uint32(99), 1, space), "unknown kind 99"},
		{"alignment 0", file(0, 1, alignmentKey, uint32(Uint32), uint32(0), space), "is 0, want a power of two"},
		{"alignment 24", file(0, 1, alignmentKey, uint32(Uint32), uint32(24), space), "is 24, want a power of two"},
		{"alignment in u64", file(0, 1, alignmentKey, uint32(Uint64), 32, space), `is u64 "32", want one u32`},
		{"alignments", file(0, 1, alignmentKey, uint32(array), uint32(Uint32), 0, space), "is a list of 0 u32"},
		{"alignment 2^31", file(0, 1, alignmentKey, uint32(Uint32), uint32(1<<31), space), "is 2147483648, want a power of two up to 65536"},
		{"alignment beyond the file", file(1, 1, alignmentKey, uint32(Uint32), uint32(1<<16), tensorF32("a", 0, 1), space), "the file is cut"},
		{"name of 64 bytes", file(1, 0, tensorF32(strings.Repeat("x", 64), 0, 1), space), "has 64 bytes, ggml allows 63"},
		{"name not UTF-8", file(1, 0, tensorF32("\xff", 0, 1), space), "not UTF-8"},
		{"name twice", file(2, 0, tensorF32("a", 0, 1), tensorF32("a", 32, 1), space), `"a" stands twice`},
		{"5 dimensions", file(1, 0, tensorF32("a", 0, 1, 1, 1, 1, 1), space), "has 5 dimensions"},
		{"2^32-1 dimensions", file(1, 0, "a", ^uint32(0), space), "has 4294967295 dimensions"},
		{"dimension 0", file(1, 0, tensorF32("a", 0, 0), space), "dimension 0 is 0"},
		{"dimension -1", file(1, 0, tensorF32("a", 0, -1), space), "no size of an array"},
		{"2^64 elements", file(1, 0, tensorF32("a", 0, 1<<32, 1<<32), space), "no size of an array"},
		{"2^60 elements", file(1, 0, tensorF32("a", 0, 1<<30, 1<<30), space), "no size of an array"},
		{"2^58 elements", file(1, 0, tensorF32("a", 0, 1<<29, 1<<29), space), "the file is cut"},
		{"type 5", file(1, 0, "a", u32(1), 32, uint32(5), 0, space), "unknown type 5"},
		{"half a block", file(1, 0, "a", u32(2), 48, 2, uint32(Q4_0), 0, space), "rows have 48 elements, no whole number of Q4_0's blocks of 32"},
		{"unaligned", padded(file(2, 0, tensorF32("a", 0, 1), tensorF32("b", 4, 1))), `tensor "b": offset is 4, but 32 is`},
		{"overlap", padded(file(2, 0, tensorF32("a", 0, 9), tensorF32("b", 32, 1))), `offset is 32, but 64 is`},
		{"a gap", padded(file(2, 0, tensorF32("a", 0, 1), tensorF32("b", 64, 1))), `offset is 64, but 32 is`},
		{"offset of 2^63", padded(file(1, 0, tensorF32("a", -1<<63, 1))), "offset is 9223372036854775808, but 0 is"},
		{"data cut", padded(file(1, 0, tensorF32("a", 0, 9)))[:64+35], `tensor "a" needs bytes 64 to 100, the file has 99`},
	} {
		_, err := Parse(c.file, "hostile.gguf")
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "gguf: hostile.gguf: ") {
			t.Errorf("%s: error is %v, want one with %q", c.why, err, c.want)
		}
	}
}

// What ggml takes, Parse takes.
func TestParseTakes(t *testing.T) {
	second := file(0, 1, "k", uint32(Uint8), byte(7))
	second[4] = 2 // version
	for why, data := range map[string][]byte{
		"no keys, no tensors":       file(0, 0),
		"version 2":                 second,
		"empty key, empty list":     file(0, 1, "", uint32(array), uint32(String), 0),
		"no dimensions":             padded(file(1, 0, tensorF32("a", 0))),
		"four dimensions":           padded(file(1, 0, tensorF32("a", 0, 1, 2, 3, 4))),
		"something after the last":  padded(file(1, 0, tensorF32("a", 0, 1))),
		"alignment 1":               padded(file(2, 1, alignmentKey, uint32(Uint32), uint32(1), tensorF32("a", 0, 1), tensorF32("b", 4, 1))),
		"no tensor, unpadded end":   file(0, 1, "k", uint32(Uint8), byte(1)),
		"a type not computed with":  padded(file(1, 0, "a", u32(1), 256, uint32(10), 0)),
		"a string that is no UTF-8": file(0, 1, "k", uint32(String), "\xff"),
	} {
		if _, err := Parse(data, "x"); err != nil {
			t.Errorf("%s: %v", why, err)
		}
	}
}

// FuzzParse: whatever the bytes, Parse neither panics nor hands out anything
// outside them; and what it takes, Write gives back as a file with the same
// content.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"fixture.gguf", "written.gguf"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(file(0, 1<<60, space))
	f.Add(file(0, 1, "k", uint32(array), uint32(array), 1, uint32(Uint8), 1, space))
	f.Add(file(0, 2, "k", uint32(Uint8), byte(1), "k", uint32(Bool), byte(1)))
	f.Add(padded(file(2, 0, tensorF32("a", 0, 9), tensorF32("b", 32, 1))))
	f.Add(padded(file(1, 0, "a", u32(2), 64, 2, uint32(Q4_0), 0)))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(data, "fuzz")
		if err != nil {
			return
		}
		for _, kv := range file.Metadata {
			read(file, kv.Key)
			_ = kv.Value.Any()
		}
		var out bytes.Buffer
		if err := Write(&out, file.Metadata, file.Tensors); err != nil {
			t.Fatal(err)
		}
		again, err := Parse(out.Bytes(), "again")
		if err != nil {
			t.Fatal(err)
		}
		for i, tensor := range again.Tensors {
			if !bytes.Equal(tensor.Data, file.Tensors[i].Data) || tensor.Name != file.Tensors[i].Name {
				t.Errorf("tensor %q came back otherwise", tensor.Name)
			}
		}
	})
}

// read asks for a key in every way.
func read(f *File, key string) {
	f.Fields().String(key)
	f.Fields().Uint(key)
	f.Fields().Int(key)
	f.Fields().Float(key)
	f.Fields().Bool(key)
	f.Fields().Strings(key)
	f.Fields().Ints(key)
	f.Fields().Floats(key)
	f.Fields().Bools(key)
}
