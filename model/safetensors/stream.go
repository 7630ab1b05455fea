package safetensors

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Stream writes a file one tensor at a time, for values too large to hold
// together. The format wants every size before the first byte of data, so
// data goes to a spool file first; Close puts the header before it.
type Stream struct {
	path    string
	device  bool // path is no file, and cannot be replaced
	spool   *os.File
	entries []entry
	names   map[string]bool
	failed  error // the first error; later calls return it
}

// Create begins a file at path. Nothing stands at path until Close; beside it
// lies a spool of the same size until Close or Abort. What a link points to is
// replaced, not the link; a device or a pipe is written to.
func Create(path string) (*Stream, error) {
	refuse := func(err error) (*Stream, error) {
		var p *os.PathError
		if errors.As(err, &p) {
			err = p.Err // of the spool, a name nobody knows
		}
		return nil, fmt.Errorf("safetensors: create %s: %w", path, err)
	}
	s := &Stream{path: path, names: map[string]bool{}}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		s.path = real
	}
	info, err := os.Stat(s.path)
	dir := filepath.Dir(s.path)
	switch {
	case err != nil: // there will be one
	case info.IsDir():
		return refuse(errors.New("it is a directory"))
	case !info.Mode().IsRegular():
		s.device, dir = true, os.TempDir()
	}
	if s.spool, err = os.CreateTemp(dir, filepath.Base(path)+".spool*"); err != nil {
		return refuse(err)
	}
	return s, nil
}

// Add appends a tensor. Its data is written before Add returns. Tensors lie in
// the order they are added; those of equal type stay aligned.
func (s *Stream) Add(t Tensor) error {
	if s.failed != nil {
		return s.failed
	}
	e, err := entryOf(t, s.entries)
	if err == nil && s.names[t.Name] {
		err = fmt.Errorf("two tensors are named %q", t.Name)
	}
	if err == nil {
		_, err = s.spool.Write(t.Data)
	}
	if err != nil {
		s.failed = fmt.Errorf("safetensors: %s: %w", s.path, err)
		return s.failed
	}
	s.names[t.Name] = true
	s.entries = append(s.entries, e)
	return nil
}

// Close writes the file and removes the spool. After an error in Add it only
// removes the spool and returns that error: a trace with a hole is no trace.
func (s *Stream) Close(metadata map[string]string) error {
	if s.failed != nil {
		return errors.Join(s.failed, s.Abort())
	}
	err := s.assemble(metadata)
	if err != nil {
		err = fmt.Errorf("safetensors: %s: %w", s.path, err)
	}
	return errors.Join(err, s.Abort())
}

// Abort removes the spool without writing the file.
func (s *Stream) Abort() error {
	if s.spool == nil {
		return nil
	}
	err := errors.Join(s.spool.Close(), os.Remove(s.spool.Name()))
	s.spool = nil
	if s.failed == nil {
		s.failed = fmt.Errorf("safetensors: %s: already closed", s.path)
	}
	return err
}

// assemble writes header and data to a second temporary file and renames it,
// so that a full disk leaves no half file at path.
func (s *Stream) assemble(metadata map[string]string) error {
	header, err := headerBytes(s.entries, metadata)
	if err != nil {
		return err
	}
	if _, err := s.spool.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if s.device {
		return s.copyTo(s.path, header)
	}
	part := s.path + ".part"
	if err = s.copyTo(part, header); err == nil {
		err = os.Rename(part, s.path)
	}
	if err != nil {
		os.Remove(part) // if it is there
	}
	return err
}

// copyTo writes header and data to what is at path, or will be.
func (s *Stream) copyTo(path string, header []byte) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err = out.Write(header); err == nil {
		_, err = io.Copy(out, s.spool)
	}
	return errors.Join(err, out.Close())
}
