package quant

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"
)

// goldens is testdata/goldens.json: what ggml makes of weights and of blocks.
type goldens struct {
	Weights []byte // rows of 256
	Types   map[string]struct {
		Quantized       []byte // of Weights
		Blocks, Numbers []byte
		Sample          struct { // of the weights that sample makes
			RMSE   float64
			SHA256 string // of the blocks
		}
	}
}

func readGoldens(t *testing.T) (g goldens) {
	t.Helper()
	data, err := os.ReadFile("testdata/goldens.json")
	if err == nil {
		err = json.Unmarshal(data, &g)
	}
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// blockFormats lists the formats with a codec.
func blockFormats() []Format {
	return slices.DeleteFunc(slices.Clone(Formats), func(f Format) bool { return f.Codec == nil })
}

// Blocks turn into ggml's numbers bit for bit, both straight from the file and
// by way of the device's layout.
func TestDequantizeGoldens(t *testing.T) {
	g := readGoldens(t)
	for _, f := range blockFormats() {
		blocks := g.Types[f.Name].Blocks
		want := F32.Unpack([][]byte{g.Types[f.Name].Numbers})
		got := make([]float32, len(blocks)/f.Codec.Bytes*f.Codec.Weights)
		f.Codec.Dequantize(got, blocks)
		same(t, f.Name+" from the file", got, want)
		same(t, f.Name+" as the shader sees it", f.Unpack(f.Repack(blocks)), want)
	}
}

func same(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: number %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// Awkward rows quantise to the very bytes that ggml writes.
func TestQuantizeGoldens(t *testing.T) {
	g := readGoldens(t)
	w := F32.Unpack([][]byte{g.Weights})
	for _, f := range blockFormats() {
		want := g.Types[f.Name].Quantized
		got := make([]byte, len(w)/f.Codec.Weights*f.Codec.Bytes)
		f.Codec.Quantize(got, w)
		row := 256 / f.Codec.Weights * f.Codec.Bytes
		if len(got) != len(want) {
			t.Fatalf("%s: %d bytes, want %d", f.Name, len(got), len(want))
		}
		for i := 0; i < len(want); i += row {
			if !bytes.Equal(got[i:i+row], want[i:i+row]) {
				t.Errorf("%s: row %d of the weights gives\n% x, want\n% x", f.Name, i/row, got[i:i+row], want[i:i+row])
			}
		}
	}
}

// The blocks of specification section 10.2: byte k is 37k+11, then the scales
// are set. want: six first weights, three others, and two sums.
func TestSpecificationBlocks(t *testing.T) {
	for _, c := range []struct {
		f       Format
		d, dmin int // where the scales are; -1: none
		want    [11]float64
	}{
		{Q4_0, 0, -1, [11]float64{-0.2999268, 0.1999512, 0.6998291, -0.3999023, 0.09997559, 0.5998535, -0.2999268, -0.2999268, 0, -2.099487, -51.787354}},
		{Q8_0, 0, -1, [11]float64{8.497925, 12.19702, -9.697632, -5.998535, -2.299438, 1.399658, -9.097778, -9.097778, -4.798828, -17.5957, -807.80273}},
		{Q4_K, 0, 2, [11]float64{31.5423, -2.549377, 12.94684, 28.44305, 43.93927, 9.847595, 31.5423, 42.28967, 4.848816, 5442.671, 757099.11}},
		{Q5_K, 0, 2, [11]float64{81.13019, -2.549377, 62.53473, 28.44305, 93.52716, 9.847595, 81.13019, 104.6744, 10.84735, 11618.76, 1602353.5}},
		{Q6_K, 208, -1, [11]float64{-143.0651, 169.5586, 58.28577, -52.98706, -164.2599, 148.3638, -43.18945, -35.09143, -5.998535, 461.0874, 78422.85}},
	} {
		b := make([]byte, c.f.Codec.Bytes)
		for k := range b {
			b[k] = byte(37*k + 11)
		}
		b[c.d], b[c.d+1] = 0x66, 0x2e
		if c.dmin >= 0 {
			b[c.dmin], b[c.dmin+1] = 0x66, 0x2a
		}
		w := make([]float32, c.f.Codec.Weights)
		c.f.Codec.Dequantize(w, b)
		n := len(w)
		got := []float32{w[0], w[1], w[2], w[3], w[4], w[5], w[16], w[n/2], w[n-1], 0, 0}
		var sum, ramp float64
		for i, v := range w {
			sum += float64(v)
			ramp += float64(v) * float64(i+1)
		}
		got[9], got[10] = float32(sum), float32(ramp)
		for i, want := range c.want {
			if math.Abs(float64(got[i])-want) > 5e-7*math.Abs(want) { // seven digits are given
				t.Errorf("%s: value %d is %v, want %v", c.f.Name, i, got[i], want)
			}
		}
	}
}

// sample returns weights near normal, of deviation 0.018, the same as
// testdata/make_goldens.py makes: sums of four 16-bit fields of splitmix64.
func sample(n int) []float32 {
	w := make([]float32, n)
	for i := range w {
		z := uint64(i+1) * 0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
		sum := z&0xffff + z>>16&0xffff + z>>32&0xffff + z>>48
		w[i] = float32(int(sum)-131070) * 0x1p-21
	}
	return w
}

// A quarter of a million weights quantise to ggml's bytes and come back as near
// as ggml brings them.
func TestQuantizeSample(t *testing.T) {
	g := readGoldens(t)
	w := sample(1 << 18)
	for _, f := range blockFormats() {
		parts := f.Pack(w)
		var sum float64
		for i, v := range f.Unpack(parts) {
			sum += float64(v-w[i]) * float64(v-w[i])
		}
		rmse, want := math.Sqrt(sum/float64(len(w))), g.Types[f.Name].Sample.RMSE
		t.Logf("%s: root mean square error %.8f, ggml's %.8f", f.Name, rmse, want)
		if math.Abs(rmse/want-1) > 1e-6 { // differences are taken in float32
			t.Errorf("%s: root mean square error %v, ggml's is %v", f.Name, rmse, want)
		}
		blocks := make([]byte, len(w)/f.Codec.Weights*f.Codec.Bytes)
		f.Codec.Quantize(blocks, w)
		if got := fmt.Sprintf("%x", sha256.Sum256(blocks)); got != g.Types[f.Name].Sample.SHA256 {
			t.Errorf("%s: blocks differ from ggml's", f.Name)
		}
	}
}

// Rows repacked one by one give the parts of all, each of the promised size.
func TestRepack(t *testing.T) {
	const rows, cols = 6, 768
	w := sample(rows * cols)
	for _, f := range blockFormats() {
		parts := f.Pack(w)
		for i, size := range f.RowBytes(cols) {
			if len(parts[i]) != rows*size || f.BlockBytes[i]%4 != 0 {
				t.Errorf("%s: part %d has %d bytes, want %d rows of %d, a multiple of 4", f.Name, i, len(parts[i]), rows, size)
			}
		}
		row := cols / f.Codec.Weights * f.Codec.Bytes
		blocks := make([]byte, rows*row)
		f.Codec.Quantize(blocks, w)
		single := make([][]byte, len(parts))
		for at := 0; at < len(blocks); at += row {
			for i, p := range f.Repack(blocks[at : at+row]) {
				single[i] = append(single[i], p...)
			}
		}
		if !slices.EqualFunc(single, parts, bytes.Equal) {
			t.Errorf("%s: rows repacked one by one give other bytes", f.Name)
		}
	}
}

func BenchmarkQuantize(b *testing.B) {
	each(b, func(f Format, w []float32, blocks []byte) { f.Codec.Quantize(blocks, w) })
}

func BenchmarkDequantize(b *testing.B) {
	each(b, func(f Format, w []float32, blocks []byte) { f.Codec.Dequantize(w, blocks) })
}

func BenchmarkRepack(b *testing.B) {
	parts := make([]byte, 1<<20)
	each(b, func(f Format, w []float32, blocks []byte) {
		for i, n := range f.RowBytes(len(w)) {
			f.Codec.Repack(parts[:n], i, blocks)
		}
	})
}

// each times what run does to 64 Ki weights; MB/s are millions of weights.
func each(b *testing.B, run func(f Format, w []float32, blocks []byte)) {
	for _, f := range blockFormats() {
		w := sample(1 << 16)
		blocks := make([]byte, len(w)/f.Codec.Weights*f.Codec.Bytes)
		f.Codec.Quantize(blocks, w)
		b.Run(f.Name, func(b *testing.B) {
			b.SetBytes(int64(len(w)))
			for b.Loop() {
				run(f, w, blocks)
			}
		})
	}
}
