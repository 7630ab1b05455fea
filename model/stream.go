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
	slots    map[string]*gpu.Matrix // by role and format
}

// A hostMatrix is packed as the device wants it, or lies so in the file.
type hostMatrix struct {
	role  string // "wq", "w1", …
	place Placement
	parts [][]byte // nil if the file's rows are the device's
}

// hold keeps a layer's matrix in host memory.
func (l *loader) hold(b *hostBlock, role, name string) {
	t, ok := l.take(name)
	if !ok {
		return
	}
	m := hostMatrix{role: role, place: t}
	if t.Format.Name != t.Device.Name || t.Device.Codec != nil {
		parts, err := l.pack(t.Tensor, t.Device, 0, t.Shape[0])
		if err != nil {
			l.err = fmt.Errorf("%s: %w", name, err)
			return
		}
		for _, p := range parts {
			m.parts = append(m.parts, append([]byte(nil), p...)) // the packer's are overwritten
		}
	}
	slot := role + " " + t.Device.Name
	if b.slots[slot] == nil {
		s, err := l.dev.NewMatrix("streamed "+role, t.Device.Name, t.Shape[0], t.Cols(), t.Device.RowBytes(t.Cols()))
		if err != nil {
			l.err = fmt.Errorf("%s: %w", name, err)
			return
		}
		b.slots[slot] = s
		l.w.matrices = append(l.w.matrices, s)
	}
	b.matrices = append(b.matrices, m)
	l.report(int(t.Bytes()))
}

// roles are the matrices of a layer, by their names in the checkpoint.
var roles = []struct{ role, name string }{
	{"wq", "attention.wq.weight"}, {"wk", "attention.wk.weight"}, {"wv", "attention.wv.weight"}, {"wo", "attention.wo.weight"},
	{"w1", "feed_forward.w1.weight"}, {"w3", "feed_forward.w3.weight"}, {"w2", "feed_forward.w2.weight"},
}

// layerRole returns which matrix of which of the decoder's layers a tensor is;
// "" if it is none.
func layerRole(name string) (role string, layer int) {
	rest, ok := strings.CutPrefix(name, "layers.")
	number, inner, found := strings.Cut(rest, ".")
	layer, err := strconv.Atoi(number)
	if !ok || !found || err != nil {
		return "", 0
	}
	for _, m := range roles {
		if m.name == inner {
			return m.role, layer
		}
	}
	return "", 0
}

// matrix returns the field of a block by its role.
func (b *block) matrix(role string) **gpu.Matrix {
	return map[string]**gpu.Matrix{
		"wq": &b.wq, "wk": &b.wk, "wv": &b.wv, "wo": &b.wo, "w1": &b.w1, "w2": &b.w2, "w3": &b.w3,
	}[role]
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
	for _, m := range b.host.matrices {
		t, slot := m.place, b.host.slots[m.role+" "+m.place.Device.Name]
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
		*b.matrix(m.role) = slot
	}
	return nil
}
