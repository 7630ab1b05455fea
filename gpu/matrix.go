package gpu

import "fmt"

// UploadMatrix makes a matrix whose rows take rowBytes[i] bytes in part i, cut
// into shards that a binding holds. data returns the parts of a range of rows;
// the matrix keeps none of them.
func (d *Device) UploadMatrix(name, format string, rows, cols int, rowBytes []int, data func(from, to int) ([][]byte, error)) (*Matrix, error) {
	limit := min(d.Limits.BindingBytes, d.Limits.BufferBytes)
	if d.options.ShardBytes > 0 {
		limit = min(limit, d.options.ShardBytes)
	}
	widest := 1
	for _, n := range rowBytes {
		widest = max(widest, n)
	}
	height := int(max(1, limit/uint64(widest)))
	m := &Matrix{Name: name, Format: format, Rows: rows, Cols: cols}
	for from := 0; from < rows; from += height {
		s, err := d.uploadShard(name, from, min(rows, from+height), rowBytes, data)
		m.Shards = append(m.Shards, s)
		if err != nil {
			d.FreeMatrix(m)
			return nil, err
		}
	}
	return m, nil
}

// uploadShard writes the rows of a shard a stretch at a time, so that a source
// which converts needs little memory. With an error it returns what was made.
func (d *Device) uploadShard(name string, from, to int, rowBytes []int, data func(from, to int) ([][]byte, error)) (Shard, error) {
	s := Shard{First: from, Rows: to - from}
	total := 0
	for _, n := range rowBytes {
		total += n
		t, err := d.New(name, U32, to-from, (n+3)/4)
		if err != nil {
			return s, err
		}
		s.Parts = append(s.Parts, t)
	}
	stretch := max(1, staging/total)
	for at := from; at < to; at += stretch {
		parts, err := data(at, min(to, at+stretch))
		if err != nil {
			return s, err
		}
		if len(parts) != len(rowBytes) {
			return s, fmt.Errorf("gpu: %s comes in %d parts, want %d", name, len(parts), len(rowBytes))
		}
		for i, b := range parts {
			if err := d.Write(s.Parts[i], uint64(at-from)*uint64(rowBytes[i]), b); err != nil {
				return s, err
			}
		}
	}
	return s, nil
}

// FreeMatrix gives the memory of m back.
func (d *Device) FreeMatrix(m *Matrix) {
	if m == nil {
		return
	}
	for _, s := range m.Shards {
		d.Free(s.Parts...)
	}
}
