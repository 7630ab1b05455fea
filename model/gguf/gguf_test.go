package gguf

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// count returns bytes 0, 1, 2 … as testdata/make_fixture.py fills tensors.
func count(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

func ramp(n int) (b []byte) {
	for i := range n {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(i)))
	}
	return b
}

// fixture is what testdata/fixture.gguf, written by the Python package, holds.
func fixture() ([]KeyValue, []Tensor) {
	halves := make([]byte, 0, 48)
	for _, h := range []uint16{0, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600, 0x4700, 0x4800, 0x4880, 0x4900, 0x4980,
		0x4a00, 0x4a80, 0x4b00, 0x4b80, 0x4c00, 0x4c40, 0x4c80, 0x4cc0, 0x4d00, 0x4d40, 0x4d80, 0x4dc0} { // 0 to 23
		halves = binary.LittleEndian.AppendUint16(halves, h)
	}
	return []KeyValue{
			{"general.architecture", Of("llama")},
			{"test.uint8", Of(uint8(255))}, {"test.int8", Of(int8(-128))},
			{"test.uint16", Of(uint16(65535))}, {"test.int16", Of(int16(-32768))},
			{"test.uint32", Of(uint32(4294967295))}, {"test.int32", Of(int32(-2147483648))},
			{"test.float32", Of(float32(1e-5))}, {"test.bool", Of(true)},
			{"test.uint64", Of(uint64(math.MaxUint64))}, {"test.int64", Of(int64(math.MinInt64))},
			{"test.float64", Of(0.1)}, {"test.string", Of("tekken Ġ 世界")}, {"test.empty", Of("")},
			{"test.strings", ListOf([]string{"<unk>", "", "Ġthe"})}, {"test.int32s", ListOf([]int32{1, 3, -1})},
			{"test.uint64s", ListOf([]uint64{math.MaxInt64, 0})}, {"test.floats", ListOf([]float32{0.5, -0.25})},
			{"test.bools", ListOf([]bool{true, false})},
		}, []Tensor{
			{"f32", F32, []int{3}, ramp(3)},
			{"f16", F16, []int{4, 6}, halves},
			{"conv", F32, []int{2, 3, 2, 2}, ramp(24)},
			{"q8_0", Q8_0, []int{3, 64}, count(3 * 68)},
			{"q6_k", Q6_K, []int{2, 256}, count(2 * 210)},
		}
}

func TestOpenReadsOfficialFile(t *testing.T) {
	f, err := Open("testdata/fixture.gguf")
	if err != nil {
		t.Fatal(err)
	}
	keys, tensors := fixture()
	if f.Version != 3 || !reflect.DeepEqual(f.Metadata, keys) {
		t.Errorf("version %d, metadata\n%v, want\n%v", f.Version, f.Metadata, keys)
	}
	if !reflect.DeepEqual(f.Tensors, tensors) {
		t.Errorf("tensors are\n%v, want\n%v", f.Tensors, tensors)
	}
	if conv, ok := f.Tensor("conv"); !ok || !reflect.DeepEqual(conv, tensors[2]) {
		t.Errorf("conv is %v, %v", conv, ok)
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
	empty := filepath.Join(dir, "empty.gguf")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{empty, dir, filepath.Join(dir, "missing.gguf")} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("Open(%s) gave %v", path, err)
		}
	}
}

func TestFields(t *testing.T) {
	f, err := Open("testdata/fixture.gguf")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m := f.Fields()
	for _, c := range []struct{ got, want any }{
		{m.String("test.string"), "tekken Ġ 世界"},
		{m.String("test.empty", "default"), ""},
		{m.String("missing", "default"), "default"},
		{m.Uint("test.uint8"), 255},
		{m.Uint("test.uint16"), 65535},
		{m.Uint("test.uint32"), 4294967295},
		{m.Uint("missing", 7), 7},
		{m.Int("test.int8"), -128},
		{m.Int("test.int16"), -32768},
		{m.Int("test.int32"), -2147483648},
		{m.Int("test.int64"), math.MinInt64},
		{m.Float("test.float32"), float64(float32(1e-5))},
		{m.Float("test.float64"), 0.1},
		{m.Float("missing", 0.5), 0.5},
		{m.Bool("test.bool"), true},
		{m.Bool("missing", true), true},
		{m.Strings("test.strings"), []string{"<unk>", "", "Ġthe"}},
		{m.Strings("missing", nil), []string(nil)},
		{m.Ints("test.int32s"), []int{1, 3, -1}},
		{m.Ints("test.uint64s"), []int{math.MaxInt64, 0}},
		{m.Floats("test.floats"), []float64{0.5, -0.25}},
		{m.Bools("test.bools"), []bool{true, false}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("got %#v, want %#v", c.got, c.want)
		}
	}
	if err := m.Err(); err != nil {
		t.Error(err)
	}
	if v, ok := f.Value("test.uint64"); !ok || v.Any() != uint64(math.MaxUint64) {
		t.Errorf("test.uint64 is %v, %v", v.Any(), ok)
	}
	if v, _ := f.Value("test.bools"); !reflect.DeepEqual(v.Any(), []any{true, false}) {
		t.Errorf("test.bools is %v", v.Any())
	}
}

func TestFieldsRefuse(t *testing.T) {
	f, err := Open("testdata/fixture.gguf")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for want, read := range map[string]func(m *Fields){
		`key "a" is missing`: func(m *Fields) { m.Uint("a") },
		`key "test.string" is string "tekken Ġ 世界", want an integer`: func(m *Fields) { m.Uint("test.string", 1) },
		`key "test.int8" is i8 "-128", want an integer that is not`:  func(m *Fields) { m.Uint("test.int8") },
		`key "test.uint64" is u64 "18446744073709551615", want`:      func(m *Fields) { m.Int("test.uint64") },
		`key "test.bool" is bool "true", want an integer`:            func(m *Fields) { m.Int("test.bool") },
		`key "test.strings" is a list of 3 string, want a string`:    func(m *Fields) { m.String("test.strings") },
		`key "test.uint8" is u8 "255", want a float`:                 func(m *Fields) { m.Float("test.uint8") },
		`key "test.bools" is a list of 2 bool, want a bool`:          func(m *Fields) { m.Bool("test.bools") },
		`key "test.floats" is a list of 2 f32, want a list of str`:   func(m *Fields) { m.Strings("test.floats") },
		`key "test.floats" is a list of 2 f32, want a list of int`:   func(m *Fields) { m.Ints("test.floats") },
		`want a list of floats`:                                      func(m *Fields) { m.Floats("test.float32") },
		`want a list of bools`:                                       func(m *Fields) { m.Bools("test.strings") },
	} {
		m := f.Fields()
		read(m)
		if err := m.Err(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "testdata/fixture.gguf") {
			t.Errorf("error is %v, want one with %s", err, want)
		}
		if m.String("general.architecture") != "" {
			t.Error("a read after an error gave a value")
		}
	}
}

// Every prefix of a file is refused, and none is read past its end.
func TestCutFiles(t *testing.T) {
	data, err := os.ReadFile("testdata/fixture.gguf")
	if err != nil {
		t.Fatal(err)
	}
	whole, err := Parse(data, "whole")
	if err != nil {
		t.Fatal(err)
	}
	last := whole.Tensors[len(whole.Tensors)-1]
	end := bytes.LastIndex(data, last.Data) + len(last.Data) // only padding follows
	for n := range end {
		if _, err := Parse(slices.Clip(data[:n]), "cut"); err == nil {
			t.Fatalf("the first %d of %d bytes were taken for a file", n, end)
		}
	}
	if _, err := Parse(data[:end], "cut"); err != nil {
		t.Errorf("without the padding at the end: %v", err)
	}
}
