package bench

import (
	"context"
	"fmt"
	"time"

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

// matrix makes a matrix of random weights on the device.
func (g *rig) matrix(f quant.Format, rows, cols int) (*gpu.Matrix, error) {
	m, err := ops.NoiseMatrix(context.Background(), g.d, "w", f, rows, cols, uint32(len(g.matrices)+1))
	g.matrices = append(g.matrices, m)
	return m, err
}

// finish waits for everything that was submitted, by reading y.
func finish(d *gpu.Device, r *gpu.Recorder, y gpu.Tensor) error {
	if err := r.Submit(); err != nil {
		return err
	}
	if y.Type == gpu.U32 {
		_, err := d.Ints(y)
		return err
	}
	_, err := d.Floats(y)
	return err
}

// timed samples what record records, so often in one submission that the way
// there and back is little beside it, and returns sorted times of one.
func (r *Report) timed(ctx context.Context, d *gpu.Device, y gpu.Tensor, record func(rec *gpu.Recorder)) ([]time.Duration, error) {
	const enough, most = 10 * time.Millisecond, 256
	times := 1
	run := func() error {
		rec := d.Record()
		rec.Context = ctx
		for range times {
			record(rec)
		}
		return finish(d, rec, y)
	}
	for first := true; ; first = false {
		start := time.Now()
		if err := run(); err != nil {
			return nil, err
		}
		took := time.Since(start)
		if took >= enough/2 && !first || times == most {
			break
		}
		if !first {
			times = min(most, times*int(1+enough/max(took, time.Microsecond)))
		}
	}
	list, err := r.sample(ctx, run)
	for i := range list {
		list[i] /= time.Duration(times)
	}
	return list, err
}

// product is x[n, cols] · W[rows, cols]ᵀ, over so many matrices in turn.
type product struct {
	format              quant.Format
	n, rows, cols, over int
}

// product measures a product.
func (r *Report) product(ctx context.Context, d *gpu.Device, p product) ([]time.Duration, uint64, error) {
	g := &rig{d: d}
	defer g.free()
	x, err := g.tensor("x", p.n, p.cols)
	if err != nil {
		return nil, 0, err
	}
	y, err := g.tensor("y", p.n, p.rows)
	if err != nil {
		return nil, 0, err
	}
	for range p.over {
		if _, err := g.matrix(p.format, p.rows, p.cols); err != nil {
			return nil, 0, err
		}
	}
	times, err := r.timed(ctx, d, y.Rows(1), func(rec *gpu.Recorder) {
		for _, m := range g.matrices {
			ops.Linear(rec, y, x, m)
		}
	})
	return times, uint64(p.over) * g.matrices[0].Bytes(), err
}

// gemv measures matrix × vector over three matrices in turn, so that no cache
// holds what the last read, and returns GB/s.
func (r *Report) gemv(ctx context.Context, d *gpu.Device, group, name string, f quant.Format, rows, cols int) (float64, error) {
	times, bytes, err := r.product(ctx, d, product{f, 1, rows, cols, 3})
	if err != nil {
		return 0, err
	}
	read := float64(bytes) / 1e9
	return r.add(result{group: group, name: name, times: times, amount: read, unit: "GB/s", work: read, best: r.ReadRate}).Rate, nil
}

// gemm measures x[n, cols] · W[rows, cols]ᵀ and returns GFLOP/s.
func (r *Report) gemm(ctx context.Context, d *gpu.Device, group, name string, f quant.Format, n, rows, cols int) (float64, error) {
	times, _, err := r.product(ctx, d, product{f, n, rows, cols, 1})
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
	q, err := d.NewTexels("q", gpu.F32, c.queries, c.heads*c.dim)
	if err != nil {
		return err
	}
	g.tensors = append(g.tensors, q)
	if err := d.WriteFloats(q, noise(q.Len())); err != nil {
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
		if kv[i], err = d.NewTexels("kv", c.typ, c.keys, c.kvHeads*c.dim); err != nil {
			return err
		}
		g.tensors = append(g.tensors, kv[i])
		rec := d.Record()
		ops.Append(rec, kv[i], x, all, 0, c.keys)
		if err := rec.Submit(); err != nil {
			return err
		}
	}
	times, err := r.timed(ctx, d, y.Rows(1), func(rec *gpu.Recorder) {
		ops.Attention(rec, y, q, kv[0], kv[1], parts, seats, stretch, c.dim)
	})
	if err != nil {
		return err
	}
	flop := 4 * float64(c.queries) * float64(c.keys) * float64(c.heads*c.dim) / 1e9
	r.add(result{group: "kernels", name: c.name, times: times, amount: flop, unit: "GFLOP/s", work: flop, best: r.MathRate})
	return nil
}
