package model

import (
	"fmt"
	"strconv"
	"strings"

	"pixtral-wgpu/gpu"
)

// A hostBlock is the matrices of a layer that stays in host memory. Before each
// pass through the layer they are written into slots on the device, which all
// such layers share.
type hostBlock struct {
	matrices []hostMatrix
	slots    map[string]*gpu.Matrix // by join.slot
}

// A hostMatrix is packed as the device wants it, or lies so in the file.
type hostMatrix struct {
	join
	parts [][]byte // nil if the file's rows are the device's
}

// hold keeps a layer's matrix in host memory.
func (l *loader) hold(b *hostBlock, j join) {
	if !l.going() {
		return
	}
	t := j.place
	m := hostMatrix{join: j}
	if t.Format.Name != t.Device.Name || t.Device.Codec != nil {
		parts, err := l.pack(t.Tensor, t.Device, 0, t.Shape[0])
		if err != nil {
			l.err = fmt.Errorf("%s: %w", t.Name, err)
			return
		}
		for _, p := range parts {
			m.parts = append(m.parts, append([]byte(nil), p...)) // the packer's are overwritten
		}
	}
	if b.slots[j.slot()] == nil {
		s, err := l.dev.NewMatrix("streamed "+j.role, t.Device.Name, t.Shape[0], t.Cols(), t.Device.RowBytes(t.Cols()))
		if err != nil {
			l.err = fmt.Errorf("%s: %w", t.Name, err)
			return
		}
		b.slots[j.slot()] = s
		l.w.matrices = append(l.w.matrices, s)
	}
	b.matrices = append(b.matrices, m)
	l.report(int(t.Bytes()))
}

// layerOf returns which of the decoder's layers a matrix belongs to; -1 for none.
func layerOf(name string) int {
	rest, ok := strings.CutPrefix(name, "layers.")
	number, inner, _ := strings.Cut(rest, ".")
	layer, err := strconv.Atoi(number)
	if !ok || err != nil || strings.HasSuffix(inner, "_norm.weight") {
		return -1
	}
	return layer
}

// arrive writes a layer's matrices to the device. What was recorded goes out
// first: it may still read another layer's there.
func (b *block) arrive(r *gpu.Recorder) error {
	if b.host == nil {
		return nil
	}
	if err := r.Submit(); err != nil {
		return err
	}
	b.wqkv = nil
	for _, m := range b.host.matrices {
		t, slot := m.place, b.host.slots[m.slot()]
		sizes := t.Device.RowBytes(t.Cols())
		err := r.Device().FillMatrix(slot, sizes, func(from, to int) ([][]byte, error) {
			if m.parts == nil {
				rows, err := t.Rows(from, to)
				return [][]byte{rows}, err
			}
			var parts [][]byte
			for i, p := range m.parts {
				parts = append(parts, p[from*sizes[i]:to*sizes[i]])
			}
			return parts, nil
		})
		if err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
		b.put(m.role, slot)
	}
	return nil
}
