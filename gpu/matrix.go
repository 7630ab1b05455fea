package gpu

// UploadMatrix makes a matrix whose rows take rowBytes[i] bytes in part i, cut
// into shards that a binding holds. rows(part, from, to) returns the bytes of a
// range of rows; the matrix keeps none of them.
func (d *Device) UploadMatrix(name, format string, rows, cols int, rowBytes []int, data func(part, from, to int) ([]byte, error)) (*Matrix, error) {
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
		to := min(rows, from+height)
		s := Shard{First: from, Rows: to - from}
		for part, n := range rowBytes {
			t, err := d.New(name, U32, to-from, (n+3)/4)
			if err == nil {
				s.Parts = append(s.Parts, t)
				err = d.fill(t, part, from, to, n, data)
			}
			if err != nil {
				d.FreeMatrix(m)
				d.Free(s.Parts...)
				return nil, err
			}
		}
		m.Shards = append(m.Shards, s)
	}
	return m, nil
}

// fill writes the rows of a shard a stretch at a time, so that a source which
// converts needs little memory.
func (d *Device) fill(t Tensor, part, from, to, rowBytes int, data func(part, from, to int) ([]byte, error)) error {
	stretch := max(1, staging/rowBytes)
	for at := from; at < to; at += stretch {
		b, err := data(part, at, min(to, at+stretch))
		if err != nil {
			return err
		}
		if err := d.Write(t, uint64(at-from)*uint64(rowBytes), b); err != nil {
			return err
		}
	}
	return nil
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
