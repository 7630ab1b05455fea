package bench

import (
	"context"
	"fmt"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/quant"
)

// Sizes of the ceilings' measurements, smaller where the adapter is software.
func (r *Report) sizes() (bytes, side int) {
	if r.Device.Software() {
		return 64 << 20, 512
	}
	return 256 << 20, 4096
}

// Ceilings measures what the device can do at best: copying memory, taking it
// from the host, reading it as a matrix × vector product does, and multiplying
// matrices.
func (r *Report) Ceilings(ctx context.Context, d *gpu.Device) error {
	size, side := r.sizes()
	size = int(min(uint64(size), d.Limits.BindingBytes))
	if err := r.copies(ctx, d, size); err != nil {
		return err
	}
	var err error
	if r.ReadRate, err = r.gemv(ctx, d, "ceilings", "read, as f32 matrix × vector", quant.F32, size/4/4096, 4096); err != nil {
		return err
	}
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
	times, err := r.sample(ctx, func() error {
		rec := d.Record()
		rec.CopyRows(to, 0, from, 0, 64)
		return finish(d, rec, mark)
	})
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
