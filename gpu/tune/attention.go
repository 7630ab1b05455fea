package tune

import (
	"context"
	"fmt"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
)

// An attention is what attention takes beside y and x, its queries.
type attention struct {
	caches  [][2]gpu.Tensor // keys and values, in turn
	parts   gpu.Tensor
	seats   ops.Seats
	stretch ops.Stretch
	headDim int
}

// attends reports whether a use is attention's.
func attends(u gpu.Use) bool { return u.Op == ops.Attend || u.Op == ops.AttendMany }

// attention makes the settings: Pixtral's decoder, or its encoder where keys and
// values are those of an image, in f32.
func (t *trial) attention(ctx context.Context) (err error) {
	heads, kvHeads, dim := 32, 8, 128
	if t.use.Op == ops.AttendMany && t.use.Format == gpu.F32.String() {
		heads, kvHeads, dim = 16, 16, 64
	}
	n, keys, bytes := 1, 4096, uint64(beyondCache)
	if t.d.Info.Software() {
		keys, bytes = 1024, software
	}
	if t.use.Op == ops.AttendMany {
		n, keys, bytes = 512, 1024, 0
		if t.d.Info.Software() {
			n, keys = 32, 128
		}
	}
	if t.small, err = t.attending(ctx, checkedRows, 300, heads, kvHeads, dim, 0); err != nil {
		return err
	}
	if t.large, err = t.attending(ctx, n, keys, heads, kvHeads, dim, bytes); err != nil {
		return err
	}
	t.want, err = t.result(ctx, gpu.Way{Kernel: "attention_vec"}, checkedRows)
	return err
}

// attending makes data: the last n of so many positions, and caches until they
// have so many bytes.
func (t *trial) attending(ctx context.Context, n, keys, heads, kvHeads, dim int, bytes uint64) (s setting, err error) {
	var typ gpu.Type
	for _, typ = range []gpu.Type{gpu.F16, gpu.F32, gpu.Q8} {
		if typ.String() == t.use.Format {
			break
		}
	}
	if typ.String() != t.use.Format {
		return s, fmt.Errorf("no cache of %q", t.use.Format)
	}
	tensor := func(name string, typ gpu.Type, rows, cols int) (x gpu.Tensor) {
		if err == nil {
			x, err = t.keep(t.d.New(name, typ, rows, cols))
		}
		return x
	}
	texels := func(name string, typ gpu.Type, rows, cols int) (x gpu.Tensor) {
		if err == nil {
			x, err = t.keep(t.d.NewTexels(name, typ, rows, cols))
		}
		return x
	}
	seats := func(first, n int) (s ops.Seats) {
		rows, pages := ops.InOrder(first, n, false)
		if err == nil {
			s.Rows, err = t.keep(t.d.UploadInts("seats", ops.Words(rows), n, 4))
		}
		if err == nil {
			s.Pages, err = t.keep(t.d.UploadInts("pages", pages, len(pages)))
		}
		return s
	}
	x, k, v := noise(n*heads*dim, 0), noise(keys*kvHeads*dim, 1), noise(keys*kvHeads*dim, 2)
	x[dim/2], k[len(k)-3], v[5] = outlier, outlier, outlier
	s.x, s.y, s.parts = texels("x", gpu.F32, n, heads*dim), tensor("y", gpu.F32, n, heads*dim), tensor("parts", gpu.F32, 1, ops.PartsLen(keys, heads, dim))
	data := [2]gpu.Tensor{tensor("k", gpu.F32, keys, kvHeads*dim), tensor("v", gpu.F32, keys, kvHeads*dim)}
	s.seats, s.stretch, s.headDim = seats(keys-n, n), ops.Stretch{Keys: keys, Each: t.use.Op == ops.Attend}, dim
	all := seats(0, keys)
	for i, xs := range [][]float32{x, k, v} {
		if err == nil {
			err = t.d.WriteFloats([]gpu.Tensor{s.x, data[0], data[1]}[i], xs)
		}
	}
	size := 2 * typ.Bytes(keys*kvHeads*dim)
	for held := uint64(0); err == nil && (held == 0 || held < bytes); held += size {
		pair := [2]gpu.Tensor{texels("keys", typ, keys, kvHeads*dim), texels("values", typ, keys, kvHeads*dim)}
		if err != nil {
			break
		}
		r := t.d.Record()
		r.Context = ctx
		for i := range pair {
			ops.Append(r, pair[i], data[i], all, 0, keys)
		}
		err = r.Submit()
		s.caches = append(s.caches, pair)
	}
	return s, err
}

// attend records y from the queries x over each of the caches.
func (s *setting) attend(r *gpu.Recorder, way gpu.Way, y, x gpu.Tensor) {
	stretch, seats := s.stretch, s.seats
	stretch.To = x.Shape[0]
	seats.Rows = seats.Rows.Rows(stretch.To)
	for _, c := range s.caches {
		if way.Kernel == "" {
			ops.Attention(r, y, x, c[0], c[1], s.parts, seats, stretch, s.headDim)
		} else {
			ops.AttentionBy(r, way, y, x, c[0], c[1], s.parts, seats, stretch, s.headDim)
		}
	}
}
