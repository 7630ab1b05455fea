package gguf

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/written.gguf anew; then run testdata/make_fixture.py")

func TestWriteGivesOfficialBytes(t *testing.T) {
	want, err := os.ReadFile("testdata/fixture.gguf")
	if err != nil {
		t.Fatal(err)
	}
	keys, tensors := fixture()
	var got bytes.Buffer
	if err := Write(&got, keys, tensors); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("what the Python package wrote is, from us,\n%q, want\n%q", got.Bytes(), want)
	}
}

// written is what testdata/written.gguf holds: another alignment, every type
// that this program computes with, and an odd name.
func written() ([]KeyValue, []Tensor) {
	keys := []KeyValue{
		{"general.architecture", Of("clip")},
		{"general.alignment", Of(uint32(128))},
		{"general.file_type", Of(uint32(15))},
		{"clip.vision.image_mean", ListOf([]float32{0.5, 0.25, 0.125})},
		{"clip.use_silu", Of(true)},
		{"tokenizer.ggml.tokens", ListOf([]string{"<s>", "Ġ", "", "日本"})},
		{"tokenizer.ggml.token_type", ListOf([]int32{3, 1, 1, 1})},
		{"empty", ListOf([]uint32{})},
	}
	var tensors []Tensor
	for _, kind := range []Type{F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K} {
		block, size := kind.Block()
		tensors = append(tensors, Tensor{"blk.0." + kind.String() + ".weight", kind, []int{3, block * 2}, count(6 * size)})
	}
	return keys, append(tensors, Tensor{"v.patch_embd.weight", F16, []int{5, 3, 2, 2}, count(120)}, Tensor{"ä 世", F32, []int{1}, ramp(1)})
}

// testdata/make_fixture.py read our file with the Python package and recorded
// what it saw.
func TestOfficialReaderReadsOurs(t *testing.T) {
	keys, tensors := written()
	path := filepath.Join(t.TempDir(), "written.gguf")
	if *update {
		path = "testdata/written.gguf"
	}
	w, err := Create(path, keys, tensors)
	if err != nil {
		t.Fatal(err)
	}
	for _, tensor := range tensors {
		if err := w.Tensor(tensor.Name); err != nil {
			t.Fatal(err)
		}
		for piece := range slices.Chunk(tensor.Data, 100) {
			if _, err := w.Write(piece); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err1 := os.ReadFile(path)
	want, err2 := os.ReadFile("testdata/written.gguf")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("testdata/written.gguf differs from what is written now; run go test -update and make_fixture.py")
	}
	f, err := Parse(got, "written")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(f.Metadata, keys) || !reflect.DeepEqual(f.Tensors, tensors) {
		t.Errorf("came back as\n%v\n%v", f.Metadata, f.Tensors)
	}
	sameAsRecorded(t, keys, tensors)
}

func sameAsRecorded(t *testing.T, keys []KeyValue, tensors []Tensor) {
	t.Helper()
	var recorded struct {
		Alignment int
		Keys      [][2]any
		Tensors   []struct {
			Name, Type, SHA256 string
			Dims               []int
		}
	}
	data, err := os.ReadFile("testdata/written.json")
	if err == nil {
		err = json.Unmarshal(data, &recorded)
	}
	if err != nil {
		t.Fatal(err)
	}
	if recorded.Alignment != 128 || len(recorded.Keys) != len(keys) || len(recorded.Tensors) != len(tensors) {
		t.Fatalf("Python read alignment %d, %d keys and %d tensors", recorded.Alignment, len(recorded.Keys), len(recorded.Tensors))
	}
	for i, kv := range keys {
		if ours := fmt.Sprint([2]any{kv.Key, kv.Value.Any()}); fmt.Sprint(recorded.Keys[i]) != ours {
			t.Errorf("Python read %v, want %s", recorded.Keys[i], ours)
		}
	}
	for i, w := range tensors {
		r := recorded.Tensors[i]
		if r.Name != w.Name || r.Type != w.Type.String() || !slices.Equal(r.Dims, w.Dims) || r.SHA256 != fmt.Sprintf("%x", sha256.Sum256(w.Data)) {
			t.Errorf("Python read %v, want %s %v %v", r, w.Name, w.Type, w.Dims)
		}
	}
}

func TestWriterRefuses(t *testing.T) {
	one := []Tensor{{"a", F32, []int{2}, nil}}
	for _, c := range []struct {
		want    string
		keys    []KeyValue
		tensors []Tensor
	}{
		{`key "k" stands twice`, []KeyValue{{"k", Of("")}, {"k", Of("")}}, nil},
		{`key "k" has no value`, []KeyValue{{"k", Value{}}}, nil},
		{`"general.alignment" is 48`, []KeyValue{{"general.alignment", Of(uint32(48))}}, nil},
		{`"general.alignment" is u64 "32"`, []KeyValue{{"general.alignment", Of(uint64(32))}}, nil},
		{`tensor "a": stands twice`, nil, append(one, one...)},
		{"longer than 63 bytes", nil, []Tensor{{strings.Repeat("x", 64), F32, []int{1}, nil}}},
		{"unknown type 5", nil, []Tensor{{"a", 5, []int{32}, nil}}},
		{"blocks of 256", nil, []Tensor{{"a", Q4_K, []int{256, 32}, nil}}},
		{"5 dimensions", nil, []Tensor{{"a", F32, []int{1, 1, 1, 1, 1}, nil}}},
		{"no size of an array", nil, []Tensor{{"a", F32, []int{0}, nil}}},
		{"no size of an array", nil, []Tensor{{"a", F32, []int{1 << 31, 1 << 31, 4}, nil}}},
	} {
		dir := t.TempDir()
		if _, err := Create(filepath.Join(dir, "x"), c.keys, c.tensors); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %v, want one with %q", err, c.want)
		}
		empty(t, dir)
	}
}

func TestWriterFails(t *testing.T) {
	tensors := []Tensor{{"a", F32, []int{2}, nil}, {"b", F32, []int{2}, nil}}
	begin := func(names ...string) func(w *Writer) {
		return func(w *Writer) {
			for _, n := range names {
				w.Tensor(n)
				w.Write(make([]byte, 8))
			}
		}
	}
	for want, use := range map[string]func(w *Writer){
		"2 of 2 tensors are missing":               func(w *Writer) {},
		"1 of 2 tensors are missing":               begin("a"),
		`tensor "b" is not the one that comes`:     begin("b"),
		`tensor "c" is not the one that comes`:     begin("a", "b", "c"),
		`tensor "b" is 8 bytes short`:              func(w *Writer) { begin("a")(w); w.Tensor("b") },
		"1 bytes more than tensor 1 of 2 has room": func(w *Writer) { begin("a")(w); w.Write([]byte{1}) },
		"2 bytes more than tensor 0 of 2 has room": func(w *Writer) { w.Write([]byte{1, 2}) },
		"aborted": func(w *Writer) { begin("a", "b")(w); w.Abort() },
	} {
		dir := t.TempDir()
		w, err := Create(filepath.Join(dir, "x"), nil, tensors)
		if err != nil {
			t.Fatal(err)
		}
		use(w)
		if err := w.Close(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
		if err := w.Close(); err == nil {
			t.Error("a second Close gave no error")
		}
		empty(t, dir)
	}
	if _, err := Create(filepath.Join(t.TempDir(), "missing", "x"), nil, nil); err == nil {
		t.Error("Create in a missing directory gave no error")
	}
}

func empty(t *testing.T, dir string) {
	t.Helper()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
