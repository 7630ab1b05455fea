package ref

import (
	"math"
	"slices"
	"testing"
)

// rounding is what float32 results may differ from decimal numbers on paper.
const rounding = 1e-6

func near(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values %v, want %d %v", what, len(got), got, len(want), want)
	}
	for i, w := range want {
		if d := math.Abs(float64(got[i] - w)); !(d <= rounding*max(1, math.Abs(float64(w)))) {
			t.Errorf("%s: value %d is %v, want %v", what, i, got[i], w)
		}
	}
}

func TestLinear(t *testing.T) {
	x := []float32{1, 2, 3, -1, 0, 1}                   // [2, 3]
	w := []float32{1, 0, 0, 0, 1, 1, 2, 2, 2, 1, -1, 1} // [4, 3]
	near(t, "linear", Linear(x, w, 3), []float32{1, 5, 12, 2, -1, 1, 0, 0})

	// In float32 the ones would vanish in the sum.
	long := slices.Repeat([]float32{1}, 1001)
	long[0] = 1 << 25
	near(t, "long sum", Linear(long, slices.Repeat([]float32{1}, 1001), 1001), []float32{1<<25 + 1000})
}

func TestQuantizeRows(t *testing.T) {
	x, want := make([]float32, 64), make([]float32, 64)
	x[0], x[1], x[31], x[40] = -254, 3.1, 1e-9, 1 // the scales are 2 and 1/127
	want[0], want[1], want[40] = -254, 4, 1
	near(t, "quantized", QuantizeRows(x), want)
}

func TestRMSNorm(t *testing.T) {
	x := []float32{3, 4, 0, 0, 1, 1, 1, 1}
	w := []float32{1, 2, 1, -1}
	near(t, "rmsnorm", RMSNorm(x, w, 0), []float32{1.2, 3.2, 0, 0, 1, 2, 1, -1})
	near(t, "a row of zeros", RMSNorm([]float32{0, 0}, []float32{1, 1}, 1e-5), []float32{0, 0})
	// mean(x²) = eps, so the root halves: 1e-3/sqrt(2e-6).
	near(t, "eps", RMSNorm([]float32{1e-3, -1e-3}, []float32{1, 1}, 1e-6), []float32{0.70710678, -0.70710678})
}

func TestActivations(t *testing.T) {
	near(t, "swiglu", SwiGLU([]float32{0, 1, -1, 100, -100}, []float32{5, 2, 2, 1, 1}),
		[]float32{0, 1.4621172, -0.5378828, 100, 0})
	near(t, "gelu", GELU([]float32{0, 1, -1, 2.7, 10, -10}),
		[]float32{0, 0.8413447, -0.1586553, 2.6906391, 10, 0})
}

func TestAdd(t *testing.T) {
	y := []float32{1, 2, 3, 4}
	Add(y, []float32{10, 20, 30, 40})
	near(t, "add", y, []float32{11, 22, 33, 44})
	AddBias(y, []float32{1, -1})
	near(t, "add_bias", y, []float32{12, 21, 34, 43})
}

func TestRows(t *testing.T) {
	table := []float32{0, 1, 10, 11, 20, 21}
	y := Embed(table, []uint32{2, 0, 2}, 2)
	near(t, "embed", y, []float32{20, 21, 0, 1, 20, 21})
	Scatter(y, []float32{7, 8, 9, 9}, []uint32{2, 0}, 2)
	near(t, "scatter", y, []float32{9, 9, 0, 1, 7, 8})
	near(t, "columns", Columns(y, 2, 1, 1, 1), []float32{9, 1, 8})
	near(t, "every third", Columns(y, 6, 0, 3, 2), []float32{9, 1})
	Append(y, []float32{5, 6, 4, 3}, []uint32{1, 0}, 2)
	near(t, "append", y, []float32{4, 3, 5, 6, 7, 8})
	near(t, "gather", Gather(y, []uint32{2, 0}, 1, 2, 2), []float32{7, 8, 4, 3})
	near(t, "gather a part of a page", Gather(y, []uint32{0}, 3, 2, 2), []float32{4, 3, 5, 6})
}

func TestArgmax(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		why string
		x   []float32
		to  uint32
	}{
		{"the greatest", []float32{1, 3, 2}, 1},
		{"the lowest of equals", []float32{1, 3, 3}, 1},
		{"all negative", []float32{-3, -2, -1}, 2},
		{"not a number first", []float32{nan, -5, -4}, 2},
		{"not a number last", []float32{-5, -4, nan}, 1},
		{"no number at all", []float32{nan, nan, nan}, 0},
		{"only minus infinity", []float32{-inf, -inf, -inf}, 0},
		{"infinity", []float32{0, inf, inf}, 1},
	} {
		if got := Argmax(c.x, 3); !slices.Equal(got, []uint32{c.to}) {
			t.Errorf("%s: %v gives %v, want %d", c.why, c.x, got, c.to)
		}
	}
	if got := Argmax([]float32{1, 0, 0, 1}, 2); !slices.Equal(got, []uint32{0, 1}) {
		t.Errorf("two rows: %v", got)
	}
}

// TestPatchify numbers the pixels of a 4×6 image c*100 + y*10 + x.
func TestPatchify(t *testing.T) {
	const height, width, patch = 4, 6, 2
	var pixels []float32
	for c := range 3 {
		for y := range height {
			for x := range width {
				pixels = append(pixels, float32(100*c+10*y+x))
			}
		}
	}
	y := Patchify(pixels, height, width, patch)
	if len(y) != 6*12 {
		t.Fatalf("%d values, want 6 patches of 12", len(y))
	}
	near(t, "patch 0", y[:12], []float32{0, 1, 10, 11, 100, 101, 110, 111, 200, 201, 210, 211})
	near(t, "patch 2, the right end", y[24:36], []float32{4, 5, 14, 15, 104, 105, 114, 115, 204, 205, 214, 215})
	near(t, "patch 3, the second row", y[36:48], []float32{20, 21, 30, 31, 120, 121, 130, 131, 220, 221, 230, 231})
}
