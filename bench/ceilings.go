package bench

import (
	"context"
	"fmt"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/quant"
)

// Sizes of the ceilings' measurements, smaller where the adapter is software.
func (r *Report) sizes() (bytes, side int) {
	if r.Device.Software() {
		return 64 << 20, 512
	}
	return 256 << 20, 4096
}

func (r *Report) size(d *gpu.Device) int {
	bytes, _ := r.sizes()
	return int(min(uint64(bytes), d.Limits.BindingBytes))
}

// Ceilings measures what the device can do at best: copying memory, taking it
// from the host, reading it in the shapes of matrix × vector, and multiplying
// matrices.
func (r *Report) Ceilings(ctx context.Context, d *gpu.Device) error {
	if err := r.copies(ctx, d, r.size(d)); err != nil {
		return err
	}
	return r.Roof(ctx, d)
}

// Roof measures those two of the ceilings that kernels run against: ReadRate and
// MathRate.
func (r *Report) Roof(ctx context.Context, d *gpu.Device) error {
	if err := r.reads(ctx, d); err != nil {
		return err
	}
	_, side := r.sizes()
	best := 0.0
	for _, f := range []quant.Format{quant.F32, quant.F16} {
		rate, err := r.gemm(ctx, d, "ceilings", fmt.Sprintf("%s product of %d³", f.Name, side), f, side, side, side)
		if err != nil {
			return err
		}
		best = max(best, rate)
	}
	r.MathRate = best
	return nil
}

// copies measures how fast memory is copied on the device and written to it.
func (r *Report) copies(ctx context.Context, d *gpu.Device, size int) error {
	g := &rig{d: d}
	defer g.free()
	from, err := g.tensor("from", 64, size/256)
	if err != nil {
		return err
	}
	to, err := g.tensor("to", 64, size/256)
	if err != nil {
		return err
	}
	mark, err := g.tensor("mark", 1, 4)
	if err != nil {
		return err
	}
	times, err := r.timed(ctx, d, mark, func(rec *gpu.Recorder) { rec.CopyRows(to, 0, from, 0, 64) })
	if err != nil {
		return err
	}
	name := gpu.Size(uint64(size))
	r.CopyRate = r.add(result{group: "ceilings", name: "copy of " + name, times: times, amount: 2 * float64(size) / 1e9, unit: "GB/s"}).Rate

	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i * 7)
	}
	if times, err = r.sample(ctx, func() error {
		if err := d.Write(to, 0, data); err != nil {
			return err
		}
		return finish(d, d.Record(), mark)
	}); err != nil {
		return err
	}
	r.WriteRate = r.add(result{group: "ceilings", name: name + " from the host", times: times, amount: float64(size) / 1e9, unit: "GB/s"}).Rate
	return nil
}

// readRows is how many rows of readCols weights in bf16 reads are measured with: they
// are 256 MiB, more than a software adapter's caches hold.
const readRows, readCols = 16384, 8192

// reads measures how fast a matrix is read as matrix × vector reads it, by kernels
// that do nothing else. The best of their shapes is the ceiling.
func (r *Report) reads(ctx context.Context, d *gpu.Device) error {
	g := &rig{d: d}
	defer g.free()
	m, err := ops.NoiseMatrix(ctx, d, "x", quant.BF16, readRows, readCols, 1)
	if err != nil {
		return err
	}
	defer d.FreeMatrix(m)
	var best result
	for _, s := range streams {
		last, record, err := g.stream(m, s.StreamShape)
		if err != nil {
			return err
		}
		times, err := r.timed(ctx, d, last, record)
		if err != nil {
			return err
		}
		if best.times == nil || times[len(times)/2] < best.times[len(best.times)/2] {
			best = result{group: "ceilings", name: s.name, times: times, amount: float64(m.Bytes()) / 1e9, unit: "GB/s"}
		}
	}
	r.ReadRate = r.add(best).Rate
	return nil
}

// streams are the shapes of matrix × vector that reads are measured in.
var streams = []struct {
	name string
	ops.StreamShape
}{
	{"read, 4 rows an invocation", ops.StreamShape{Sharing: 1, Together: 4, Quads: 1}},
	{"read, 8 rows an invocation", ops.StreamShape{Sharing: 1, Together: 8, Quads: 1}},
	{"read, 4 rows, 4 quads of each", ops.StreamShape{Sharing: 1, Together: 4, Quads: 4}},
	{"read, 2 rows, 8 quads of each", ops.StreamShape{Sharing: 1, Together: 2, Quads: 8}},
	{"read, a row a workgroup", ops.StreamShape{Sharing: 64, Together: 1, Quads: 1}},
	{"read, 4 rows a workgroup", ops.StreamShape{Sharing: 64, Together: 4, Quads: 1}},
}

// stream returns how to record that the words of m are read, of a format of one
// part, and the tensor that is written last.
func (g *rig) stream(m *gpu.Matrix, s ops.StreamShape) (last gpu.Tensor, record func(*gpu.Recorder), err error) {
	var ys []gpu.Tensor
	for i := range m.Shards {
		y, err := g.d.New("y", gpu.U32, s.Len(m.Shards[i].Rows))
		if err != nil {
			return y, nil, err
		}
		g.tensors = append(g.tensors, y)
		ys = append(ys, y)
	}
	return ys[len(ys)-1], func(rec *gpu.Recorder) {
		for i := range m.Shards {
			ops.Stream(rec, ys[i], m.Shards[i].Parts[0], s)
		}
	}, nil
}
