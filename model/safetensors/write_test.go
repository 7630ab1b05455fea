package safetensors

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var sample = []Tensor{
	{"b", U8, []int{3}, []byte{1, 2, 3}},
	FromFloat32s("layers.0.wq", []int{2, 2}, []float32{1, 2, 3, 4}),
	FromFloat32s("scalar", nil, []float32{-1}),
	{"a", BF16, []int{1, 0, 5}, nil},
	FromFloat32s(`quote " and <ä>`, []int{1}, []float32{9}),
}

func sameTensors(t *testing.T, f *File, want []Tensor) {
	t.Helper()
	if len(f.Names()) != len(want) {
		t.Errorf("names are %q, want %d", f.Names(), len(want))
	}
	for _, w := range want {
		got, ok := f.Tensor(w.Name)
		if !ok || got.DType != w.DType || !slices.Equal(got.Shape, w.Shape) || !bytes.Equal(got.Data, w.Data) {
			t.Errorf("tensor %q is %v, want %v", w.Name, got, w)
		}
	}
}

func TestWriteRoundTrip(t *testing.T) {
	metadata := map[string]string{"format": "pt", "z": "", "note": "é\n"}
	var first, second bytes.Buffer
	if err := Write(&first, sample, metadata); err != nil {
		t.Fatal(err)
	}
	f, err := Parse(first.Bytes(), "written")
	if err != nil {
		t.Fatal(err)
	}
	sameTensors(t, f, sample)
	if !maps.Equal(f.Metadata, metadata) {
		t.Errorf("metadata is %q", f.Metadata)
	}
	reversed := slices.Clone(sample)
	slices.Reverse(reversed)
	if err := Write(&second, reversed, metadata); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the bytes depend on the order of the tensors")
	}
}

func TestWriteGivesOfficialBytes(t *testing.T) {
	want, err := os.ReadFile("testdata/fixture.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	official, err := Parse(want, "fixture")
	if err != nil {
		t.Fatal(err)
	}
	var tensors []Tensor
	for _, name := range official.Names() {
		tensor, _ := official.Tensor(name)
		tensors = append(tensors, tensor)
	}
	var got bytes.Buffer
	if err := Write(&got, tensors, official.Metadata); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the official library's file, read and written, became\n%q, want\n%q", got.Bytes(), want)
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, c := range []struct {
		want    string
		tensors []Tensor
	}{
		{`two tensors are named "a"`, []Tensor{{"a", U8, []int{1}, []byte{1}}, {"a", U8, []int{1}, []byte{1}}}},
		{"has 3 bytes, F32 [1] needs 4", []Tensor{{"a", F32, []int{1}, []byte{1, 2, 3}}}},
		{`dtype is "F7"`, []Tensor{{"a", "F7", []int{1}, []byte{1}}}},
		{"cannot be named", []Tensor{{"__metadata__", U8, []int{1}, []byte{1}}}},
		{"not UTF-8", []Tensor{{"\xff", U8, []int{1}, []byte{1}}}},
	} {
		var buf bytes.Buffer
		if err := Write(&buf, c.tensors, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %v, want one with %q", err, c.want)
		}
		if buf.Len() != 0 {
			t.Errorf("%s: %d bytes were written before the error", c.want, buf.Len())
		}
	}
}

func TestStream(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "trace.safetensors")
	s, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, tensor := range sample {
		if err := s.Add(tensor); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(map[string]string{"model": "tiny"}); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sameTensors(t, f, sample)
	if f.Metadata["model"] != "tiny" {
		t.Errorf("metadata is %q", f.Metadata)
	}
	if left := list(t, dir); !slices.Equal(left, []string{"trace.safetensors"}) {
		t.Errorf("the directory holds %q", left)
	}
}

func TestStreamFails(t *testing.T) {
	dir := t.TempDir()
	s, err := Create(filepath.Join(dir, "trace.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Add(sample[0]); err != nil {
		t.Fatal(err)
	}
	if err := s.Add(sample[0]); err == nil || !strings.Contains(err.Error(), "two tensors") {
		t.Errorf("the same name twice gave %v", err)
	}
	if err := s.Add(sample[1]); err == nil {
		t.Error("Add after an error gave none")
	}
	if err := s.Close(nil); err == nil {
		t.Error("Close after an error gave none")
	}
	if left := list(t, dir); len(left) != 0 {
		t.Errorf("the directory holds %q", left)
	}
	if _, err := Create(filepath.Join(dir, "missing", "trace")); err == nil {
		t.Error("Create in a missing directory gave no error")
	}
}

// A link stays a link, what is not a file is written to and never replaced, and
// a directory is refused by its name.
func TestStreamToOthers(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, os.DevNull} {
		before, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Add(sample[0]), s.Close(nil)); err != nil {
			t.Error(err)
		}
		if after, err := os.Lstat(path); err != nil || after.Mode() != before.Mode() {
			t.Errorf("%s was %v and is %v (%v)", path, before, after, err)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		t.Errorf("behind the link is %v (%v)", info, err)
	}
	if _, err := Create(dir); err == nil || !strings.Contains(err.Error(), dir+": it is a directory") {
		t.Errorf("a directory gave %v", err)
	}
	if _, err := Create(filepath.Join(dir, "missing", "trace")); err == nil || strings.Contains(err.Error(), "spool") {
		t.Errorf("a missing directory gave %v", err)
	}
}

func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
