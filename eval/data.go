package eval

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// A Row is one entry of a data set, by column: string, float64, int64, bool,
// nil, []any or map[string]any. dir is where images that it names lie.
type Row struct {
	Columns map[string]any
	dir     string
}

// A Data is a data set as files: parquet as the hub has it, or JSON lines with
// image files beside them.
type Data struct {
	Path  string
	files []string
	rows  int
}

// OpenData finds the files of a data set: path is one, or a directory of them.
// Of a directory that holds several splits those named for split are taken.
func OpenData(path, split string) (*Data, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	d := &Data{Path: path, files: []string{path}}
	if info.IsDir() {
		if d.files, err = filesOf(path, split); err != nil {
			return nil, err
		}
	}
	for _, f := range d.files {
		n, err := countRows(f)
		if err != nil {
			return nil, fmt.Errorf("data: %s: %w", f, err)
		}
		d.rows += n
	}
	return d, nil
}

// Len returns how many rows there are.
func (d *Data) Len() int { return d.rows }

func filesOf(dir, split string) ([]string, error) {
	var all, named []string
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || kindOf(path) == "" {
			return err
		}
		all = append(all, path)
		if rel, err := filepath.Rel(dir, path); err == nil && split != "" && strings.Contains(strings.ToLower(rel), split) {
			named = append(named, path)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("data: %w", err)
	case len(all) == 0:
		return nil, fmt.Errorf("data: %s has neither .parquet nor .jsonl files", dir)
	case len(named) > 0:
		all = named
	case split != "" && len(all) > 1:
		return nil, fmt.Errorf("data: none of the %d files in %s is named for the split %q; give the file itself", len(all), dir, split)
	}
	slices.Sort(all)
	return all, nil
}

// kindOf returns the form of a file of rows, "" if it has none.
func kindOf(path string) string {
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".parquet", ".jsonl":
		return ext
	}
	return ""
}

func countRows(path string) (n int, err error) {
	if kindOf(path) == ".parquet" {
		p, close, err := openParquet(path)
		if err != nil {
			return 0, err
		}
		defer close()
		return int(p.NumRows()), nil
	}
	for _, err := range lines(path) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// Rows yields the rows in order.
func (d *Data) Rows() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for _, path := range d.files {
			read := jsonRows
			if kindOf(path) == ".parquet" {
				read = parquetRows
			}
			for columns, err := range read(path) {
				if err != nil {
					err = fmt.Errorf("data: %s: %w", path, err)
				}
				if !yield(Row{columns, filepath.Dir(path)}, err) || err != nil {
					return
				}
			}
		}
	}
}

func openParquet(path string) (*parquet.File, func() error, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil {
		var p *parquet.File
		if p, err = parquet.OpenFile(f, info.Size()); err == nil {
			return p, f.Close, nil
		}
	}
	f.Close()
	return nil, nil, err
}

func parquetRows(path string) iter.Seq2[map[string]any, error] {
	return func(yield func(map[string]any, error) bool) {
		p, close, err := openParquet(path)
		if err != nil {
			yield(nil, err)
			return
		}
		defer close()
		r := parquet.NewReader(p)
		defer r.Close()
		for {
			row := map[string]any{}
			err := r.Read(&row)
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

func jsonRows(path string) iter.Seq2[map[string]any, error] {
	return func(yield func(map[string]any, error) bool) {
		n := 0
		for line, err := range lines(path) {
			n++
			var row map[string]any
			if err == nil {
				err = json.Unmarshal(line, &row)
			}
			if err != nil {
				err = fmt.Errorf("line %d: %w", n, err)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// lines yields the lines of a file that have text; a line may be as long as an
// image in base64.
func lines(path string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		f, err := os.Open(path)
		if err != nil {
			yield(nil, err)
			return
		}
		defer f.Close()
		s := bufio.NewScanner(f)
		s.Buffer(nil, 256<<20)
		for s.Scan() {
			if len(strings.TrimSpace(s.Text())) > 0 && !yield(s.Bytes(), nil) {
				return
			}
		}
		if err := s.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// text returns a column that must be a text; a number is written as one.
func (r Row) text(column string) (string, error) {
	switch v := r.Columns[column].(type) {
	case string:
		return v, nil
	case float64:
		return plainNumber(v), nil
	case int64:
		return fmt.Sprint(v), nil
	case nil:
		return "", fmt.Errorf("there is no %q; is this the right data set?", column)
	default:
		return "", fmt.Errorf("%q is %T, not a text", column, v)
	}
}

// optional returns a text column, "" if there is none.
func (r Row) optional(column string) string {
	s, _ := r.text(column)
	return s
}

// texts returns a column of texts: a list, a list of records with the field
// "answer", or one text.
func (r Row) texts(column string) ([]string, error) {
	list, ok := r.Columns[column].([]any)
	if !ok {
		one, err := r.text(column)
		return []string{one}, err
	}
	var all []string
	for _, v := range list {
		if record, ok := v.(map[string]any); ok {
			v = record["answer"]
		}
		one, err := Row{Columns: map[string]any{column: v}}.text(column)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%q is empty", column)
	}
	return all, nil
}

// image returns the file of an image column: the hub's {bytes, path}, a path
// beside the data, or a data URI.
func (r Row) image(column string) ([]byte, error) {
	v := r.Columns[column]
	if record, ok := v.(map[string]any); ok {
		if file, ok := record["bytes"].(string); ok && file != "" {
			return []byte(file), nil
		}
		v = record["path"]
	}
	file, err := imageFile(v, r.dir)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", column, err)
	}
	return file, nil
}

func imageFile(v any, dir string) ([]byte, error) {
	s, ok := v.(string)
	switch {
	case !ok || s == "":
		return nil, errors.New("there is no image")
	case strings.HasPrefix(s, "data:"):
		_, payload, _ := strings.Cut(s, ",")
		return base64.StdEncoding.DecodeString(payload)
	case !filepath.IsAbs(s):
		s = filepath.Join(dir, s)
	}
	return os.ReadFile(s)
}

// first returns the first of the columns that the row has, else the first.
func (r Row) first(columns ...string) string {
	for _, c := range columns {
		if r.Columns[c] != nil {
			return c
		}
	}
	return columns[0]
}
