//go:build llamacpp

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/quant"
)

// matrices are the shapes of Pixtral 12B's decoder (spec section 1): rows, columns.
var matrices = []struct {
	name       string
	rows, cols int
}{
	{"wq", 4096, 5120},
	{"wk", 1024, 5120},
	{"wo", 5120, 4096},
	{"w1", 14336, 5120},
	{"w2", 5120, 14336},
}

// kernelTypes are the formats of the comparison: q4, q8 and f16.
var kernelTypes = []quant.Format{quant.Q4_0, quant.Q4_K, quant.Q8_0, quant.F16}

const (
	gemmRows = 512 // of activations

	// softRows is how many rows a matrix keeps for GEMM on a software adapter:
	// the inner loop is the same, and a run takes seconds, not minutes.
	softRows = 1024

	// copies is over how many matrices a run of GEMV goes, so that caches do
	// not keep the weights of the last.
	copies = 3

	// worst is the greatest normalised mean square error of our kernels against
	// the dequantised weights in float64: ggml's own test has this bound.
	// llama.cpp's may have more here, as they multiply in f16 on some adapters
	// and these rows are longer; theirsWorst is where it is another product.
	worst       = 5e-4
	theirsWorst = 1e-2
)

// kernels compares matrix × vector and matrix × matrix.
func kernels(ctx context.Context, o *options) error {
	d, err := gpu.Open(gpu.Options{Device: o.adapter})
	if err != nil {
		return err
	}
	defer d.Close()
	theirs, err := o.start("vulkan")
	if err != nil {
		return err
	}
	defer theirs.close()
	device, err := theirs.ask("device")
	if err != nil {
		return err
	}
	heading(d.Info.Name, device)
	lists := map[string][]kernel{"gemv": gemv(), "gemm": gemm(d.Info.Software() && !o.full)}
	for _, kind := range []string{"gemv", "gemm"} {
		least := math.Inf(1)
		for _, k := range lists[kind] {
			ratio, err := k.compare(ctx, d, theirs, o.rounds)
			if err != nil {
				return err
			}
			least = min(least, ratio)
		}
		fmt.Printf("least ratio of %s: %.2f×\n", kind, least)
	}
	return nil
}

func gemv() (list []kernel) {
	for _, f := range kernelTypes {
		for _, m := range matrices {
			list = append(list, kernel{f, m.name, m.rows, m.cols, 1, copies})
		}
	}
	return list
}

// gemm leaves out matrices that are the same once they are cut.
func gemm(cut bool) (list []kernel) {
	for _, f := range kernelTypes {
		seen := map[int]bool{}
		for _, m := range matrices {
			k := kernel{f, m.name, m.rows, m.cols, gemmRows, 1}
			if cut {
				k.rows = min(k.rows, softRows)
			}
			if !cut || !seen[k.cols] {
				list = append(list, k)
			}
			seen[k.cols] = true
		}
	}
	return list
}

// A kernel is one product, x[n, cols] · W[rows, cols]ᵀ for each copy of W.
type kernel struct {
	format                quant.Format
	matrix                string
	rows, cols, n, copies int
}

func (k kernel) String() string {
	return fmt.Sprintf("%s %s %d×%d × %d", k.format.Name, k.matrix, k.rows, k.cols, k.n)
}

// compare lets both sides make the same product, checks both, and prints and
// returns the ratio of their times.
func (k kernel) compare(ctx context.Context, d *gpu.Device, theirs *driver, rounds int) (float64, error) {
	dir, err := os.MkdirTemp("", "llamacpp")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	weights, x := k.data()
	ours, err := k.ours(d, weights, x)
	if err != nil {
		return 0, err
	}
	defer ours.free()
	for name, data := range map[string][]byte{"w": weights, "x": quant.F32.Pack(x)[0]} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return 0, err
		}
	}
	if _, err := theirs.ask("matmul %s %d %d %d %s/w %s/x", k.format.Name, k.rows, k.cols, k.n, dir, dir); err != nil {
		return 0, err
	}
	gigaflop := 2 * float64(k.copies) * float64(k.rows) * float64(k.cols) * float64(k.n) / 1e9
	fight := duel{name: k.String(), work: gigaflop, unit: "GFLOP/s", ours: ours.run, theirs: func() (time.Duration, error) {
		took, err := theirs.numbers("time")
		if err != nil {
			return 0, err
		}
		return asDuration(took[0]), nil
	}}
	if k.n == 1 {
		fight.work, fight.unit = float64(len(weights))/1e9, "GB/s"
	}
	outcome, err := fight.fight(ctx, rounds)
	if err != nil {
		return 0, err
	}
	fight.show(outcome)
	return median(outcome.ratios), k.check(theirs, ours, weights, x, filepath.Join(dir, "y"))
}

// data returns random weights in ggml's layout, the copies one after another,
// and activations. A stretch of rows is quantised once and repeated.
func (k kernel) data() (weights []byte, x []float32) {
	rng := rand.New(rand.NewPCG(1, uint64(k.cols)))
	const stretch = 61 // a prime, so that a row in another's place is another
	w := make([]float32, stretch*k.cols)
	for i := range w {
		w[i] = float32(rng.NormFloat64())
	}
	tile := k.bytes(w)
	size := k.copies * k.rows * len(tile) / stretch
	for len(weights) < size {
		weights = append(weights, tile[:min(len(tile), size-len(weights))]...)
	}
	x = make([]float32, k.n*k.cols)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return weights, x
}

// bytes returns weights as ggml has them.
func (k kernel) bytes(w []float32) []byte {
	if k.format.Codec == nil {
		return k.format.Pack(w)[0]
	}
	out := make([]byte, len(w)/k.format.Codec.Weights*k.format.Codec.Bytes)
	k.format.Codec.Quantize(out, w)
	return out
}

// check compares some rows of both results with the sum over the dequantised
// weights in float64. Our y holds the product with the last copy, theirs all.
func (k kernel) check(theirs *driver, ours *product, weights []byte, x []float32, path string) error {
	if _, err := theirs.ask("result %s", path); err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	got, err := ours.d.Floats(ours.y)
	if err != nil {
		return err
	}
	const checked = 128 // rows of W
	weights = weights[len(weights)/k.copies*(k.copies-1):]
	data = data[len(data)/k.copies*(k.copies-1):]
	size := len(weights) / k.rows
	var errOurs, errTheirs, norm float64
	for row := 0; row < k.rows; row += max(1, k.rows/checked) {
		w := k.floats(weights[row*size:][:size])
		for n := 0; n < k.n; n += max(1, k.n/4) {
			want := 0.0
			for i, v := range w {
				want += float64(v) * float64(x[n*k.cols+i])
			}
			at := n*k.rows + row
			b := math.Float32frombits(binary.LittleEndian.Uint32(data[4*at:]))
			errOurs += (float64(got[at]) - want) * (float64(got[at]) - want)
			errTheirs += (float64(b) - want) * (float64(b) - want)
			norm += want * want
		}
	}
	fmt.Printf("%34s NMSE %.1e, llama.cpp's %.1e\n", "", errOurs/norm, errTheirs/norm)
	if !(errOurs/norm < worst) || !(errTheirs/norm < theirsWorst) {
		return fmt.Errorf("%v: a product is wrong", k)
	}
	return nil
}

// floats returns a row's weights.
func (k kernel) floats(row []byte) []float32 {
	if k.format.Codec == nil {
		return k.format.Unpack([][]byte{row})
	}
	w := make([]float32, k.cols)
	k.format.Codec.Dequantize(w, row)
	return w
}
