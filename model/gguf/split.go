package gguf

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
)

// A model may be split into files NAME-00001-of-00003.gguf and so on, as
// llama.cpp's gguf-split and its Python package do it: each has some of the
// tensors, and the first also the metadata. The keys are those of
// gguf-py/gguf/constants.py, Keys.Split.
const (
	splitNo      = "split.no" // from 0
	splitCount   = "split.count"
	splitTensors = "split.tensors.count" // of all files
)

var splitName = regexp.MustCompile(`^(.*)-(\d{5})-of-(\d{5})\.gguf$`)

// SplitOf returns the name that the files of a split model share, and which of
// how many the file at path is by its name, from 1. It is 0 of 0 if the name is
// not that of a part.
func SplitOf(path string) (name string, number, count int) {
	m := splitName.FindStringSubmatch(path)
	if m == nil {
		return "", 0, 0
	}
	number, _ = strconv.Atoi(m[2]) // five digits
	count, _ = strconv.Atoi(m[3])
	return m[1], number, count
}

// join adds the tensors of the other files of a split model.
func (f *File) join() error {
	m := f.Fields()
	count, no := m.Uint(splitCount, 1), m.Uint(splitNo, 0)
	if m.Err() != nil || count <= 1 {
		return m.Err()
	}
	name, number, of := SplitOf(f.name)
	if of != count || number != no+1 {
		return fmt.Errorf("gguf: %s: it is file %d of %d by its metadata, but not by its name; call it …-%05d-of-%05d.gguf, beside the others",
			f.name, no+1, count, no+1, count)
	}
	if no != 0 {
		return fmt.Errorf("gguf: %s: it is file %d of %d; name the first, %s-00001-of-%05d.gguf", f.name, no+1, count, filepath.Base(name), count)
	}
	for i := 1; i < count; i++ {
		if err := f.add(fmt.Sprintf("%s-%05d-of-%05d.gguf", name, i+1, count), i, count); err != nil {
			return err
		}
	}
	if want := m.Uint(splitTensors, len(f.Tensors)); m.Err() != nil || want != len(f.Tensors) {
		return errors.Join(m.Err(), fmt.Errorf("gguf: %s and its other files have %d tensors, and should have %d; download them again", f.name, len(f.Tensors), want))
	}
	return nil
}

// add opens a part, from 0, and takes its tensors.
func (f *File) add(path string, no, count int) error {
	part, err := openOne(path)
	if err != nil {
		return fmt.Errorf("file %d of %d: %w", no+1, count, err)
	}
	f.parts = append(f.parts, part)
	m := part.Fields()
	if gotNo, got := m.Uint(splitNo), m.Uint(splitCount); m.Err() != nil || gotNo != no || got != count {
		return errors.Join(m.Err(), fmt.Errorf("gguf: %s: it is not file %d of %d, as its name says; download it again", path, no+1, count))
	}
	for _, t := range part.Tensors {
		if _, twice := f.tensors[t.Name]; twice {
			return fmt.Errorf("gguf: %s: tensor %q is in an earlier file too; download them again", path, t.Name)
		}
		f.tensors[t.Name] = len(f.Tensors)
		f.Tensors = append(f.Tensors, t)
	}
	return nil
}
