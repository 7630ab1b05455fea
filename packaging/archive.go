package main

import (
	"archive/tar"
	"archive/zip"
	"compress/flate"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// writeFile writes a file, or leaves none.
func writeFile(path string, write func(*os.File) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err = errors.Join(write(f), f.Close()); err != nil {
		os.Remove(path)
	}
	return err
}

// each calls f for every file of a directory, in the order of their names. The
// mode is that of a program or of a text, whatever the file's is here.
func each(dir string, f func(name string, mode fs.FileMode, data []byte) error) error {
	return fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		return f(name, modeOf(name), data)
	})
}

func modeOf(name string) fs.FileMode {
	if base := path.Base(name); base == "pixtral-wgpu" || strings.HasSuffix(base, ".exe") {
		return 0o755
	}
	return 0o644
}

// writeTarGz archives a directory under the name of its root.
func writeTarGz(w *os.File, dir, root string, date time.Time) error {
	z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	err = each(dir, func(name string, mode fs.FileMode, data []byte) error {
		h := tar.Header{Name: path.Join(root, name), Mode: int64(mode), Size: int64(len(data)), ModTime: date, Format: tar.FormatPAX}
		if err := t.WriteHeader(&h); err != nil {
			return err
		}
		_, err := t.Write(data)
		return err
	})
	return errors.Join(err, t.Close(), z.Close())
}

// writeZip archives a directory under the name of its root.
func writeZip(w *os.File, dir, root string, date time.Time) error {
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	err := each(dir, func(name string, mode fs.FileMode, data []byte) error {
		h := zip.FileHeader{Name: path.Join(root, name), Method: zip.Deflate, Modified: date}
		h.SetMode(mode)
		f, err := z.CreateHeader(&h)
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		return err
	})
	return errors.Join(err, z.Close())
}

const sums = "SHA256SUMS"

// writeSums writes the checksums of the version's files, as sha256sum does.
func (b *build) writeSums() error {
	var text strings.Builder
	entries, err := os.ReadDir(b.out)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "pixtral-wgpu") || strings.HasSuffix(e.Name(), ".rb") {
			continue
		}
		sum, err := checksum(filepath.Join(b.out, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%s  %s\n", sum, e.Name())
	}
	return os.WriteFile(filepath.Join(b.out, sums), []byte(text.String()), 0o666)
}

func checksum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}
