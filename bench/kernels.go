package bench

import (
	"context"
	"fmt"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/quant"
)

// A rig holds the tensors of a measurement.
type rig struct {
	d        *gpu.Device
	tensors  []gpu.Tensor
	matrices []*gpu.Matrix
}

func (g *rig) free() {
	g.d.Free(g.tensors...)
	for _, m := range g.matrices {
		g.d.FreeMatrix(m)
	}
}

func (g *rig) tensor(name string, shape ...int) (gpu.Tensor, error) {
	t, err := g.d.UploadFloats(name, noise(gpu.Tensor{Shape: shape}.Len()), shape...)
	g.tensors = append(g.tensors, t)
	return t, err
}

// seats uploads seats of rows of one sequence.
func (g *rig) seats(first, n int, all bool) (ops.Seats, error) {
	rows, pages := ops.InOrder(first, n, all)
	s := ops.Seats{}
	var err error
	if s.Rows, err = g.d.UploadInts("seats", ops.Words(rows), n, 4); err == nil {
		s.Pages, err = g.d.UploadInts("pages", pages, len(pages))
	}
	g.tensors = append(g.tensors, s.Rows, s.Pages)
	return s, err
}

// matrix makes a matrix of random weights. A stretch of rows is packed once and
// repeated: a device reads different addresses all the same.
func (g *rig) matrix(f quant.Format, rows, cols int) (*gpu.Matrix, error) {
	const packed = 64
	parts, sizes := f.Pack(noise(packed*cols)), f.RowBytes(cols)
	m, err := g.d.UploadMatrix("w", f.Name, rows, cols, sizes, func(from, to int) ([][]byte, error) {
		out := make([][]byte, len(parts))
		for i, n := range sizes {
			for row := from; row < to; row++ {
				out[i] = append(out[i], parts[i][row%packed*n:][:n]...)
			}
		}
		return out, nil
	})
	g.matrices = append(g.matrices, m)
	return m, err
}

// finish waits for everything that was submitted.
func finish(d *gpu.Device, r *gpu.Recorder, y gpu.Tensor) error {
	if err := r.Submit(); err != nil {
		return err
	}
	_, err := d.Floats(y)
	return err
}

// gemv measures matrix × vector over three matrices in turn, and returns GB/s.
func (r *Report) gemv(ctx context.Context, d *gpu.Device, group, name string, f quant.Format, rows, cols int) (float64, error) {
	g := &rig{d: d}
	defer g.free()
	x, err := g.tensor("x", 1, cols)
	if err != nil {
		return 0, err
	}
	y, err := g.tensor("y", 1, rows)
	if err != nil {
		return 0, err
	}
	for range 3 {
		if _, err := g.matrix(f, rows, cols); err != nil {
			return 0, err
		}
	}
	times, err := r.sample(ctx, func() error {
		rec := d.Record()
		for _, m := range g.matrices {
			ops.Linear(rec, y, x, m)
		}
		return finish(d, rec, y)
	})
	if err != nil {
		return 0, err
	}
	read := 3 * float64(g.matrices[0].Bytes()) / 1e9
	return r.add(result{group: group, name: name, times: times, amount: read, unit: "GB/s", work: read, best: r.ReadRate}).Rate, nil
}

// gemm measures x[n, cols] · W[rows, cols]ᵀ and returns GFLOP/s.
func (r *Report) gemm(ctx context.Context, d *gpu.Device, group, name string, f quant.Format, n, rows, cols int) (float64, error) {
	g := &rig{d: d}
	defer g.free()
	x, err := g.tensor("x", n, cols)
	if err != nil {
		return 0, err
	}
	y, err := g.tensor("y", n, rows)
	if err != nil {
		return 0, err
	}
	m, err := g.matrix(f, rows, cols)
	if err != nil {
		return 0, err
	}
	last := y.Rows(1)
	times, err := r.sample(ctx, func() error {
		rec := d.Record()
		ops.Linear(rec, y, x, m)
		return finish(d, rec, last)
	})
	if err != nil {
		return 0, err
	}
	flop := 2 * float64(n) * float64(rows) * float64(cols) / 1e9
	return r.add(result{group: group, name: name, times: times, amount: flop, unit: "GFLOP/s", work: flop, best: r.MathRate}).Rate, nil
}

// Kernels measures the matrix kernels in every format at the shapes of Pixtral
// 12B's feed-forward, and attention at its heads. Ceilings must be measured
// before.
func (r *Report) Kernels(ctx context.Context, d *gpu.Device) error {
	rows, cols, n := 14336, 5120, 512
	if r.Device.Software() {
		rows, cols, n = 3584, 5120, 64 // a quarter of the rows: the same inner loop in bearable time
	}
	for _, f := range quant.Formats {
		if _, err := r.gemv(ctx, d, "kernels", fmt.Sprintf("%s %d×%d × vector", f.Name, rows, cols), f, rows, cols); err != nil {
			return err
		}
	}
	for _, f := range quant.Formats {
		if _, err := r.gemm(ctx, d, "kernels", fmt.Sprintf("%s %d×%d × %d rows", f.Name, rows, cols, n), f, n, rows, cols); err != nil {
			return err
		}
	}
	for _, c := range []attentionCase{
		{"attention, 1 query, 4096 keys, f16", 1, 4096, 32, 8, 128, true, gpu.F16},
		{"attention, 256 patches, 16 heads", 256, 256, 16, 16, 64, false, gpu.F32},
	} {
		if err := r.attention(ctx, d, c); err != nil {
			return err
		}
	}
	return nil
}

type attentionCase struct {
	name                               string
	queries, keys, heads, kvHeads, dim int
	causal                             bool
	typ                                gpu.Type
}

func (r *Report) attention(ctx context.Context, d *gpu.Device, c attentionCase) error {
	g := &rig{d: d}
	defer g.free()
	q, err := g.tensor("q", c.queries, c.heads*c.dim)
	if err != nil {
		return err
	}
	y, err := g.tensor("y", c.queries, c.heads*c.dim)
	if err != nil {
		return err
	}
	x, err := g.tensor("x", c.keys, c.kvHeads*c.dim)
	if err != nil {
		return err
	}
	parts, err := g.tensor("parts", ops.PartsLen(c.keys, c.heads, c.dim))
	if err != nil {
		return err
	}
	all, err := g.seats(0, c.keys, true)
	if err != nil {
		return err
	}
	seats, err := g.seats(c.keys-c.queries, c.queries, !c.causal)
	if err != nil {
		return err
	}
	stretch := ops.Stretch{To: c.queries, Keys: c.keys, Each: c.queries == 1}
	var kv [2]gpu.Tensor
	for i := range kv {
		if kv[i], err = d.New("kv", c.typ, c.keys, c.kvHeads*c.dim); err != nil {
			return err
		}
		g.tensors = append(g.tensors, kv[i])
		rec := d.Record()
		ops.Append(rec, kv[i], x, all, 0, c.keys)
		if err := rec.Submit(); err != nil {
			return err
		}
	}
	times, err := r.sample(ctx, func() error {
		rec := d.Record()
		ops.Attention(rec, y, q, kv[0], kv[1], parts, seats, stretch, c.dim)
		return finish(d, rec, y.Rows(1))
	})
	if err != nil {
		return err
	}
	flop := 4 * float64(c.queries) * float64(c.keys) * float64(c.heads*c.dim) / 1e9
	r.add(result{group: "kernels", name: c.name, times: times, amount: flop, unit: "GFLOP/s", work: flop, best: r.MathRate})
	return nil
}
