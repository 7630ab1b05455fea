// Package verify compares every kernel with its twin in plain Go, at sizes
// below, at and off those the kernels work in. The kernels' tests and
// "pixtral-wgpu doctor --verify" are this one list.
package verify

import (
	"fmt"
	"math"
	"math/rand/v2"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/quant"
)

// A Check compares one kernel with its twin at one size.
type Check struct {
	Kernel string // the file's stem
	Case   string // format and sizes
	Run    func(d *gpu.Device) error
}

func (c Check) String() string { return c.Kernel + " " + c.Case }

// Checks lists the checks of all kernels.
func Checks() []Check {
	var all []Check
	for _, list := range [][]Check{
		embedChecks(), linearChecks(), alikeChecks(), wayChecks(), intsChecks(), fusedChecks(), spreadChecks(), columnsChecks(), rmsnormChecks(), rotateChecks(), appendChecks(), attentionChecks(), splitChecks(), attentionWayChecks(),
		elementwiseChecks(), noiseChecks(), scatterChecks(), patchifyChecks(), argmaxChecks(), shortlistChecks(), inspectChecks(), viewChecks(),
	} {
		all = append(all, list...)
	}
	return all
}

// A Mismatch is a kernel whose result differs from its twin's.
type Mismatch struct {
	NMSE, Limit float64
	At          int // the worst element
	Got, Want   float32
}

func (m *Mismatch) Error() string {
	return fmt.Sprintf("differs from its Go twin: normalised mean squared error %.2g, allowed %.2g; worst at %d: %g, want %g",
		m.NMSE, m.Limit, m.At, m.Got, m.Want)
}

// near compares by normalised mean squared error. NaN and infinities never pass.
func near(got, want []float32, limit float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d elements, want %d", len(got), len(want))
	}
	var num, den, worst float64
	m := &Mismatch{Limit: limit}
	for i := range want {
		e := math.Abs(float64(got[i]) - float64(want[i]))
		if math.IsNaN(e) {
			e = math.Inf(1)
		}
		if e > worst {
			worst, m.At, m.Got, m.Want = e, i, got[i], want[i]
		}
		num += e * e
		den += float64(want[i]) * float64(want[i])
	}
	if m.NMSE = num / max(den, 1e-30); m.NMSE > limit {
		return m
	}
	return nil
}

// noise returns n values in [-1, 1), the same on every run.
func noise(seed uint64, n int) []float32 {
	rng := rand.New(rand.NewPCG(seed, 0))
	v := make([]float32, n)
	for i := range v {
		v[i] = 2*rng.Float32() - 1
	}
	return v
}

// A bench holds the tensors of one check and the first error.
type bench struct {
	d    *gpu.Device
	mine []gpu.Tensor
	err  error
}

// on runs f with a bench and gives its tensors back.
func on(d *gpu.Device, f func(b *bench) error) error {
	b := &bench{d: d}
	defer func() { d.Free(b.mine...) }()
	if err := f(b); b.err == nil {
		b.err = err
	}
	return b.err
}

func (b *bench) keep(t gpu.Tensor, err error) gpu.Tensor {
	if b.err == nil {
		b.err = err
	}
	b.mine = append(b.mine, t)
	return t
}

func (b *bench) floats(name string, data []float32, shape ...int) gpu.Tensor {
	return b.keep(b.d.UploadFloats(name, data, shape...))
}

func (b *bench) ints(name string, data []uint32) gpu.Tensor {
	return b.keep(b.d.UploadInts(name, data, len(data)))
}

// poisoned makes a tensor of NaN, so that an element no one writes is found.
func (b *bench) poisoned(name string, shape ...int) gpu.Tensor {
	t := gpu.Tensor{Shape: shape}
	data := make([]float32, t.Len())
	for i := range data {
		data[i] = float32(math.NaN())
	}
	return b.floats(name, data, shape...)
}

// matrix uploads w in a format and returns it with the weights the kernel sees.
func (b *bench) matrix(f quant.Format, w []float32, cols int) (*gpu.Matrix, []float32) {
	parts := f.Pack(w)
	return b.packed(f, parts, cols), f.Unpack(parts)
}

// packed uploads the parts of a matrix.
func (b *bench) packed(f quant.Format, parts [][]byte, cols int) *gpu.Matrix {
	sizes := f.RowBytes(cols)
	m, err := b.d.UploadMatrix("w", f.Name, len(parts[0])/sizes[0], cols, sizes, func(from, to int) ([][]byte, error) {
		var rows [][]byte
		for i, p := range parts {
			rows = append(rows, p[from*sizes[i]:to*sizes[i]])
		}
		return rows, nil
	})
	if err != nil {
		b.err = err
		return &gpu.Matrix{Cols: cols}
	}
	for _, s := range m.Shards {
		b.mine = append(b.mine, s.Parts...)
	}
	return m
}

// result runs what record records and reads y, unless something failed before.
func (b *bench) result(y gpu.Tensor, record func(r *gpu.Recorder)) []float32 {
	b.run(record)
	if b.err != nil {
		return nil
	}
	got, err := b.d.Floats(y)
	b.err = err
	return got
}

func (b *bench) run(record func(r *gpu.Recorder)) {
	if b.err != nil {
		return
	}
	r := b.d.Record()
	record(r)
	b.err = r.Submit()
}
