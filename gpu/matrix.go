package gpu

import (
	"fmt"

	"pixtral-wgpu/shaders"
)

// NewMatrix makes a matrix whose rows take rowBytes[i] bytes in part i, cut into
// shards that a binding holds. Its weights are FillMatrix's to write.
func (d *Device) NewMatrix(name, format string, rows, cols int, rowBytes []int) (*Matrix, error) {
	limit := min(d.Limits.BindingBytes, d.Limits.BufferBytes)
	if d.options.ShardBytes > 0 {
		limit = min(limit, d.options.ShardBytes)
	}
	var texels []string
	if d.ReadsTexels() {
		var err error
		if texels, err = shaders.TexelFormats(d.shaders, format); err != nil {
			return nil, fmt.Errorf("gpu: %s: %w", name, err)
		}
	}
	height := rows + rows&1 // even, as each is: neighbouring rows may belong together
	for i, n := range rowBytes {
		most := limit
		if texels != nil {
			most = min(most, mostTexels(texels[i]))
		}
		height = min(height, int(max(2, most/uint64(max(1, n))))&^1)
	}
	m := &Matrix{Name: name, Format: format, Rows: rows, Cols: cols}
	for first := 0; first < rows; first += height {
		s := Shard{Format: format, First: first, Rows: min(rows-first, height)}
		for i, n := range rowBytes {
			var t Tensor
			var err error
			if texels != nil {
				t, err = d.newTexels(name, texels[i], U32, s.Rows, (n+3)/4)
			} else {
				t, err = d.New(name, U32, s.Rows, (n+3)/4)
			}
			if err != nil {
				m.Shards = append(m.Shards, s)
				d.FreeMatrix(m)
				return nil, err
			}
			s.Parts = append(s.Parts, t)
		}
		m.Shards = append(m.Shards, s)
	}
	return m, nil
}

// FillMatrix writes the weights of m a stretch of rows at a time, so that a
// source which converts needs little memory. data returns the parts of a range
// of rows; m keeps none of them.
func (d *Device) FillMatrix(m *Matrix, rowBytes []int, data func(from, to int) ([][]byte, error)) error {
	total := 0
	for _, n := range rowBytes {
		total += n
	}
	stretch := max(1, staging/total)
	for _, s := range m.Shards {
		for from := s.First; from < s.First+s.Rows; from += stretch {
			parts, err := data(from, min(s.First+s.Rows, from+stretch))
			if err != nil {
				return err
			}
			if len(parts) != len(rowBytes) {
				return fmt.Errorf("gpu: %s comes in %d parts, want %d", m, len(parts), len(rowBytes))
			}
			for i, b := range parts {
				if err := d.Write(s.Parts[i], uint64(from-s.First)*uint64(rowBytes[i]), b); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// UploadMatrix makes a matrix and fills it.
func (d *Device) UploadMatrix(name, format string, rows, cols int, rowBytes []int, data func(from, to int) ([][]byte, error)) (*Matrix, error) {
	m, err := d.NewMatrix(name, format, rows, cols, rowBytes)
	if err != nil {
		return nil, err
	}
	if err := d.FillMatrix(m, rowBytes, data); err != nil {
		d.FreeMatrix(m)
		return nil, err
	}
	return m, nil
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
