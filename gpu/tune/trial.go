package tune

import (
	"context"
	"fmt"
	"slices"
	"time"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/quant"
)

// A trial is a use with its data: a small case in which ways must agree with the
// slow one, and a large one in which they are timed.
type trial struct {
	d        *gpu.Device
	use      gpu.Use
	small    setting
	large    setting
	want     []float32 // of the small case, by the slow kernel
	tensors  []gpu.Tensor
	matrices []*gpu.Matrix
}

// A setting is the arguments of an operation: y from x by the weights in turn, the
// gains of a norm, or the keys and values in turn.
type setting struct {
	y, x, gain, normed gpu.Tensor
	weights            []*gpu.Matrix
	attention
}

const (
	checkedRows = 5            // of activations, in the small case
	beyondCache = 192 << 20    // bytes of weights that are read before one is read again
	eps         = 1e-5         // of norms
	close       = 1e-9         // normalised mean squared error between kernels of floats
	roundedTo   = 1e-3         // and between those and kernels that round activations
	outlier     = float32(1e5) // beyond what half floats hold
	software    = 8 << 20      // bytes of weights in the large case of a software adapter
)

func newTrial(ctx context.Context, d *gpu.Device, u gpu.Use) (t *trial, err error) {
	t = &trial{d: d, use: u}
	if attends(u) {
		return t, t.attention(ctx)
	}
	if t.small, err = t.setting(ctx, checkedRows, 70, 512, 0); err != nil {
		return t, err
	}
	n, rows, cols, bytes := 512, 4096, 4096, uint64(beyondCache)
	if d.Info.Software() {
		n, rows, cols, bytes = 32, 512, 2048, software
	}
	if u.Op != ops.Many {
		n = 1
	} else {
		bytes = 0
	}
	if t.large, err = t.setting(ctx, n, rows, cols, bytes); err != nil {
		return t, err
	}
	slow := gpu.Way{Kernel: "linear_vec"}
	if u.Op == ops.Norm || u.Op == ops.NormEach {
		slow.Kernel = "rmsnorm"
	}
	t.want, err = t.result(ctx, slow, checkedRows)
	return t, err
}

// setting makes data: n rows of x, and matrices until they have so many bytes.
func (t *trial) setting(ctx context.Context, n, rows, cols int, bytes uint64) (s setting, err error) {
	xs := noise(n*cols, 0)
	xs[cols/2] = outlier
	if t.use.Op == ops.Norm {
		rows = cols
	}
	if s.x, err = t.keep(t.d.UploadFloats("x", xs, n, cols)); err != nil {
		return s, err
	}
	if s.y, err = t.keep(t.d.New("y", gpu.F32, n, rows)); err != nil {
		return s, err
	}
	if t.use.Op == ops.Norm || t.use.Op == ops.NormEach {
		if s.gain, err = t.keep(t.d.UploadFloats("gain", noise(cols, 1), cols)); err != nil || t.use.Op == ops.Norm {
			return s, err
		}
		if s.normed, err = t.keep(t.d.New("normed", gpu.F32, n, cols)); err != nil {
			return s, err
		}
	}
	f, err := quant.Lookup(t.use.Format)
	if err != nil {
		return s, err
	}
	for held := uint64(0); held == 0 || held < bytes; {
		m, err := ops.NoiseMatrix(ctx, t.d, "w", f, rows, cols, uint32(len(t.matrices)))
		if err != nil {
			return s, err
		}
		t.matrices = append(t.matrices, m)
		s.weights = append(s.weights, m)
		held += m.Bytes()
	}
	return s, nil
}

// noise returns n values in [-1, 1) that another seed makes others.
func noise(n int, seed uint32) []float32 {
	xs := make([]float32, n)
	for i := range xs {
		xs[i] = float32(int32((uint32(i)+seed)*2654435761)) / (1 << 31)
	}
	return xs
}

func (t *trial) keep(x gpu.Tensor, err error) (gpu.Tensor, error) {
	t.tensors = append(t.tensors, x)
	return x, err
}

func (t *trial) free() {
	t.d.Free(t.tensors...)
	for _, m := range t.matrices {
		t.d.FreeMatrix(m)
	}
	t.d.FreeScratch()
}

// record records the operation of a setting for its first n rows, a way named or,
// without a name, as the device does it.
func (t *trial) record(r *gpu.Recorder, s setting, way gpu.Way, n int) {
	y, x := s.y.Rows(n), s.x.Rows(n)
	switch {
	case t.use.Op == ops.Norm && way.Kernel == "":
		ops.RMSNorm(r, y, x, s.gain, eps)
	case t.use.Op == ops.Norm:
		ops.RMSNormBy(r, way, y, x, s.gain, eps)
	case attends(t.use):
		s.attend(r, way, y, x)
	}
	for _, w := range s.weights {
		switch {
		case t.use.Op == ops.NormEach && way.Kernel == "":
			ops.LinearInput(r, y, ops.Input{X: x, Gain: s.gain, Normed: s.normed.Rows(n), Eps: eps}, w, true)
		case t.use.Op == ops.NormEach:
			ops.RMSNorm(r, s.normed.Rows(n), x, s.gain, eps)
			ops.LinearEach(r, y, s.normed.Rows(n), w)
		case way.Kernel != "":
			ops.LinearBy(r, way, y, x, w)
		case t.use.Op == ops.Each:
			ops.LinearEach(r, y, x, w)
		default:
			ops.LinearMany(r, y, x, w)
		}
	}
}

func (t *trial) result(ctx context.Context, way gpu.Way, n int) ([]float32, error) {
	r := t.d.Record()
	r.Context = ctx
	t.record(r, t.small, way, n)
	if err := r.Submit(); err != nil {
		return nil, err
	}
	return t.d.Floats(t.small.y.Rows(n))
}

// try checks a way and times it.
func (t *trial) try(ctx context.Context, timer Timer, way gpu.Way) (time.Duration, error) {
	if err := t.check(ctx, way); err != nil {
		return 0, err
	}
	return timer(ctx, t.d, t.runs(way))
}

// runs returns what records the large case by a way.
func (t *trial) runs(way gpu.Way) func(r *gpu.Recorder) {
	return func(r *gpu.Recorder) { t.record(r, t.large, way, t.large.x.Shape[0]) }
}

// check compares a way with the slow kernel, and its rows together with its rows
// alone, to the bit.
func (t *trial) check(ctx context.Context, way gpu.Way) error {
	got, err := t.result(ctx, way, checkedRows)
	if err != nil {
		return err
	}
	limit := close
	if ops.Rounds(way) || t.use.Op == ops.NormEach && ops.Rounds(t.d.Preferred(gpu.Use{Op: ops.Each, Format: t.use.Format})) {
		limit = roundedTo
	}
	var off, all float64
	for i, w := range t.want {
		e := float64(got[i]) - float64(w)
		off, all = off+e*e, all+float64(w)*float64(w)
	}
	if !(off <= limit*all) { // NaN is no agreement
		return fmt.Errorf("%s differs from the slow kernel by %g", way.Kernel, off/all)
	}
	one, err := t.result(ctx, way, 1)
	if err == nil && !slices.Equal(one, got[:len(one)]) {
		err = fmt.Errorf("%s computes a row otherwise where others are beside it", way.Kernel)
	}
	return err
}

// measure is the Timer that measures: the least of a few times, of so many runs
// that the way there and back is little beside them.
func measure(ctx context.Context, d *gpu.Device, record func(r *gpu.Recorder)) (time.Duration, error) {
	mark, err := d.New("mark", gpu.F32, 1)
	if err != nil {
		return 0, err
	}
	defer d.Free(mark)
	run := func(times int) (time.Duration, error) {
		start := time.Now()
		r := d.Record()
		r.Context = ctx
		for range times {
			record(r)
		}
		if err := r.Submit(); err != nil {
			return 0, err
		}
		_, err := d.Floats(mark) // waits
		return time.Since(start), err
	}
	if _, err := run(1); err != nil { // compiles
		return 0, err
	}
	once, err := run(1)
	if err != nil {
		return 0, err
	}
	times := int(min(max(5*time.Millisecond/max(once, 1), 1), 64))
	best := time.Duration(1<<63 - 1)
	for range 3 {
		took, err := run(times)
		if err != nil {
			return 0, err
		}
		best = min(best, took/time.Duration(times))
	}
	return best, nil
}
