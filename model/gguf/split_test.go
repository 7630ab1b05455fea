package gguf

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const splitFixture = "../testdata/formats/llama3_gguf/tied-f16-0000"

// The files that the official package split are one, in the order of the parts.
func TestOpenSplit(t *testing.T) {
	f, err := Open(splitFixture + "1-of-00003.gguf")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for no := range 3 {
		data, err := os.ReadFile(splitFixture + string(rune('1'+no)) + "-of-00003.gguf")
		if err != nil {
			t.Fatal(err)
		}
		part, err := Parse(data, "part")
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range part.Tensors {
			names = append(names, want.Name)
			if got, ok := f.Tensor(want.Name); !ok || !slices.Equal(got.Data, want.Data) || !slices.Equal(got.Dims, want.Dims) {
				t.Errorf("%s is %v, want %v", want.Name, got, want)
			}
		}
	}
	for i, got := range f.Tensors {
		if got.Name != names[i] {
			t.Errorf("tensor %d is %s, want %s", i, got.Name, names[i])
		}
	}
	if len(f.Tensors) != len(names) || len(names) < 17 {
		t.Errorf("%d tensors, want %d", len(f.Tensors), len(names))
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// Parts that do not belong together, are missing or lie.
func TestSplitMistakes(t *testing.T) {
	rewrite := func(t *testing.T, path string, change func(meta []KeyValue, tensors []Tensor) ([]KeyValue, []Tensor)) {
		t.Helper()
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Parse(data, path)
		if err != nil {
			t.Fatal(err)
		}
		meta, tensors := change(slices.Clone(f.Metadata), slices.Clone(f.Tensors))
		out, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := Write(out, meta, tensors); err != nil {
			t.Fatal(err)
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
	}
	set := func(key string, v Value) func([]KeyValue, []Tensor) ([]KeyValue, []Tensor) {
		return func(meta []KeyValue, tensors []Tensor) ([]KeyValue, []Tensor) {
			meta = slices.DeleteFunc(meta, func(kv KeyValue) bool { return kv.Key == key })
			return append(meta, KeyValue{key, v}), tensors
		}
	}
	for _, c := range []struct {
		why, open string
		change    func(t *testing.T, path func(no int) string)
		want      string
	}{
		{"the second", "2", func(*testing.T, func(int) string) {}, "it is file 2 of 3; name the first, m-00001-of-00003.gguf"},
		{"one is missing", "1", func(t *testing.T, path func(int) string) { os.Remove(path(3)) }, "file 3 of 3: gguf: open "},
		{"one is another", "1", func(t *testing.T, path func(int) string) { os.Rename(path(3), path(2)) }, "it is not file 2 of 3, as its name says"},
		{"one is of a whole model", "1", func(t *testing.T, path func(int) string) {
			data, err := os.ReadFile("testdata/fixture.gguf")
			if err == nil {
				err = os.WriteFile(path(2), data, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}, `"split.no" is missing`},
		{"one is cut", "1", func(t *testing.T, path func(int) string) { os.Truncate(path(2), 3000) }, "file 2 of 3: gguf: "},
		{"a tensor stands twice", "1", func(t *testing.T, path func(int) string) {
			rewrite(t, path(3), func(meta []KeyValue, tensors []Tensor) ([]KeyValue, []Tensor) {
				return meta, append(tensors, Tensor{"token_embd.weight", F32, []int{1}, make([]byte, 4)})
			})
		}, `tensor "token_embd.weight" is in an earlier file too`},
		{"too few tensors", "1", func(t *testing.T, path func(int) string) {
			rewrite(t, path(3), func(meta []KeyValue, tensors []Tensor) ([]KeyValue, []Tensor) { return meta, tensors[1:] })
		}, "tensors, and should have"},
		{"as many as there can be", "1", func(t *testing.T, path func(int) string) {
			rewrite(t, path(1), set(splitCount, Of(uint64(1)<<60)))
		}, "but not by its name"},
		{"of another kind", "1", func(t *testing.T, path func(int) string) {
			rewrite(t, path(1), set(splitCount, Of("three")))
		}, `"split.count" is string`},
	} {
		dir := t.TempDir()
		path := func(no int) string { return filepath.Join(dir, "m-0000"+string(rune('0'+no))+"-of-00003.gguf") }
		for no := 1; no <= 3; no++ {
			data, err := os.ReadFile(splitFixture + string(rune('0'+no)) + "-of-00003.gguf")
			if err == nil {
				err = os.WriteFile(path(no), data, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		c.change(t, path)
		f, err := Open(filepath.Join(dir, "m-0000"+c.open+"-of-00003.gguf"))
		if err == nil {
			f.Close()
			t.Errorf("%s: no error, want %q", c.why, c.want)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.why, err, c.want)
		}
	}
}
