package verify

import (
	"bytes"
	"fmt"
	"slices"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/gpu/ref"
)

const (
	exact  = 1e-11 // what f32 sums in another order may differ by
	scaled = 1e-9  // the same where codes are summed before their scale and offset apply
)

func linearChecks() []Check {
	sizes := [][3]int{ // rows of x, rows of w, columns
		{1, 1, 8},     // the least there is
		{33, 65, 72},  // one more than a tile each way, columns off its depth
		{3, 33, 1024}, // several rows of x
		{1, 67, 520},  // one octet more than a round of lanes
		{5, 4, 40},    // just enough for a tile
		{64, 128, 64}, // whole tiles
		{130, 7, 24},  // tall and narrow
	}
	const blocks = 3 // the first sizes tell block formats apart; the others are about the kernels
	var list []Check
	for _, kernel := range []string{"linear_vec", "linear_lane", "linear_tile"} {
		for _, f := range quant.Formats {
			sizes := sizes
			if f.Codec != nil {
				sizes = sizes[:blocks]
			}
			if kernel == "linear_lane" {
				sizes = append(sizes[:len(sizes):len(sizes)], [3]int{2, 33, 96}, [3]int{1, 1029, 64}, [3]int{9, 1029, 24}) // its other shapes
			}
			for _, s := range sizes {
				list = append(list, Check{kernel, fmt.Sprint(f.Name, " ", s), func(d *gpu.Device) error {
					return on(d, func(b *bench) error { return linear(b, kernel, f, s[0], s[1], s[2], 1) })
				}})
			}
			list = append(list, Check{kernel, f.Name + " outliers of 1e5", func(d *gpu.Device) error {
				return on(d, func(b *bench) error { return linear(b, kernel, f, 37, 41, 136, 1e5) })
			}})
		}
	}
	return list
}

// equalRows is how many rows of x share a product whose rows must be equal to
// those of a product of one row, to the bit.
var equalRows = []int{2, 3, 5, 8, 13, 32}

// alikeChecks hold that an answer does not depend on what it is computed
// together with.
func alikeChecks() []Check {
	var list []Check
	add := func(kernel string, f quant.Format, rows int) {
		list = append(list, Check{kernel, fmt.Sprintf("%s, %d rows, each as alone", f.Name, rows), func(d *gpu.Device) error {
			return on(d, func(b *bench) error { return alike(b, kernel, f, rows) })
		}})
	}
	for _, kernel := range []string{"linear_vec", "linear_lane"} {
		for _, f := range quant.Formats {
			add(kernel, f, 71)
		}
	}
	for _, f := range []quant.Format{quant.BF16, quant.Q8_0, quant.Q4_K} { // so many that an invocation takes more of them
		add("linear_lane", f, 1031)
	}
	return list
}

func alike(b *bench, kernel string, f quant.Format, rows int) error {
	const most = 32
	cols := whole(f, 264)
	xs := noise(1, most*cols)
	xs[cols/2] = 1e5
	w, _ := b.matrix(f, noise(2, rows*cols), cols)
	var want []float32
	for i := range most {
		x, y := b.floats("x", xs[i*cols:(i+1)*cols], 1, cols), b.poisoned("y", 1, rows)
		want = append(want, b.result(y, func(r *gpu.Recorder) { ops.LinearBy(r, gpu.Way{Kernel: kernel}, y, x, w) })...)
	}
	for _, n := range equalRows {
		x, y := b.floats("x", xs[:n*cols], n, cols), b.poisoned("y", n, rows)
		got := b.result(y, func(r *gpu.Recorder) { ops.LinearBy(r, gpu.Way{Kernel: kernel}, y, x, w) })
		if b.err != nil {
			return b.err
		}
		if !slices.Equal(got, want[:n*rows]) {
			return fmt.Errorf("rows of %d are not what they are alone", n)
		}
	}
	return nil
}

// whole rounds cols up to what a row of f holds.
func whole(f quant.Format, cols int) int { return (cols + f.Block - 1) / f.Block * f.Block }

func linear(b *bench, kernel string, f quant.Format, n, rows, cols int, outlier float32) error {
	cols = whole(f, cols)
	xs := noise(1, n*cols)
	for i := 5; i < len(xs); i += 97 {
		xs[i] *= outlier
	}
	w, seen := b.matrix(f, noise(2, rows*cols), cols)
	x, y := b.floats("x", xs, n, cols), b.poisoned("y", n, rows)
	got := b.result(y, func(r *gpu.Recorder) { ops.LinearBy(r, gpu.Way{Kernel: kernel}, y, x, w) })
	if b.err != nil {
		return b.err
	}
	limit := exact
	if f.Codec != nil {
		limit = scaled
	}
	return near(got, ref.Linear(xs, seen, cols), limit)
}

func embedChecks() []Check {
	var list []Check
	for _, f := range quant.Formats {
		for _, dim := range []int{f.Block, 17 * f.Block, 1024} { // one block, an odd number of them, many
			list = append(list, Check{"embed", fmt.Sprint(f.Name, " ", dim), func(d *gpu.Device) error {
				return on(d, func(b *bench) error { return embed(b, f, dim, 1) })
			}})
		}
		// Scales below 2^-14 are subnormal half floats, which a driver could flush.
		list = append(list, Check{"embed", f.Name + " weights of 1e-4", func(d *gpu.Device) error {
			return on(d, func(b *bench) error { return embed(b, f, 256, 1e-4) })
		}})
		if f.Codec != nil {
			list = append(list, Check{"embed", f.Name + " golden block", func(d *gpu.Device) error {
				return on(d, func(b *bench) error { return golden(b, f) })
			}})
		}
	}
	return list
}

// golden reads the block of specification section 10.2: byte k is 37k+11, then
// the scales are set. What is in it the codec's own test compares with the
// specification.
func golden(b *bench, f quant.Format) error {
	blocks := make([]byte, f.Codec.Bytes)
	for k := range blocks {
		blocks[k] = byte(37*k + 11)
	}
	scale, minimum := 0, 2
	switch f.Name {
	case quant.Q6_K.Name:
		scale, minimum = 208, -1
	case quant.Q4_0.Name, quant.Q5_0.Name, quant.Q8_0.Name:
		minimum = -1
	}
	copy(blocks[scale:], []byte{0x66, 0x2e})
	if minimum >= 0 {
		copy(blocks[minimum:], []byte{0x66, 0x2a})
	}
	blocks = bytes.Repeat(blocks, f.Block/f.Codec.Weights)
	want := make([]float32, f.Block)
	f.Codec.Dequantize(want, blocks)
	table := b.packed(f, f.Repack(blocks), f.Block)
	at, y := b.ints("tokens", []uint32{0}), b.poisoned("y", 1, f.Block)
	got := b.result(y, func(r *gpu.Recorder) { ops.Embed(r, y, at, table) })
	if b.err != nil {
		return b.err
	}
	return near(got, want, 0)
}

func embed(b *bench, f quant.Format, dim int, scale float32) error {
	const vocab = 67
	tokens := []uint32{66, 0, 13, 13, 1, 65, 2}
	w := noise(3, vocab*dim)
	for i := range w {
		w[i] *= scale
	}
	table, seen := b.matrix(f, w, dim)
	at, y := b.ints("tokens", tokens), b.poisoned("y", len(tokens), dim)
	got := b.result(y, func(r *gpu.Recorder) { ops.Embed(r, y, at, table) })
	if b.err != nil {
		return b.err
	}
	return near(got, ref.Embed(seen, tokens, dim), 0)
}
