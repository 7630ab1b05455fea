package model

import (
	"math"
	"testing"
)

// angleError is half a unit in the last of the decimals that the goldens have.
const angleError = 5.01e-8

// angles returns the angles of a row of a table of cosines and sines; they are
// known but for whole turns.
func angles(table []float32, row, headDim int) []float64 {
	var a []float64
	for i := row * headDim; i < (row+1)*headDim; i += 2 {
		a = append(a, math.Atan2(float64(table[i+1]), float64(table[i])))
	}
	return a
}

func checkAngles(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	for i, w := range want {
		if d := math.Abs(math.Remainder(got[i]-w, 2*math.Pi)); !(d <= tolerance) {
			t.Errorf("%s: angle %d is %v, want %v", what, i, got[i], w)
		}
	}
}

// TestTextTable holds the numbers of Pixtral 12B: theta 1e9, heads of 128.
func TestTextTable(t *testing.T) {
	const headDim, theta = 128, 1e9
	freqs := frequencies(headDim, theta)
	for pair, want := range map[int]float32{0: 1, 1: 0.723394156, 2: 0.523299158, 3: 0.378551543, 63: 1.38237222e-9} {
		if freqs[pair] != want {
			t.Errorf("frequency %d is %v, want %v", pair, freqs[pair], want)
		}
	}

	table := TextTable(127998, 2, headDim, theta, nil)
	if len(table) != 2*headDim {
		t.Fatalf("%d values for two positions of %d pairs", len(table), headDim/2)
	}
	// The float32 angle of pair 1 is 92593.7266; in float64 it would be 0.0028 more.
	checkAngles(t, "position 127999", angles(table, 1, headDim), []float64{127999, 92593.7265625}, 1e-6)
	for i, v := range TextTable(0, 1, headDim, theta, nil) {
		if want := float32(1 - i%2); v != want {
			t.Fatalf("position 0: value %d is %v, want %v", i, v, want)
		}
	}
	// A table may begin anywhere.
	whole, part := TextTable(0, 40, headDim, theta, nil), TextTable(33, 7, headDim, theta, nil)
	for i, v := range part {
		if v != whole[33*headDim+i] {
			t.Fatalf("value %d from position 33 is %v, want %v", i, v, whole[33*headDim+i])
		}
	}
}

// TestImageTable holds the numbers of Pixtral 12B, theta 1e4 and heads of 64,
// and those of the golden model's heads of 16.
func TestImageTable(t *testing.T) {
	const rows, cols = 4, 5
	table := ImageTable(rows, cols, 64, 1e4)
	if len(table) != rows*cols*64 {
		t.Fatalf("%d values for %d patches of 32 pairs", len(table), rows*cols)
	}
	even := []float64{1, .5623413, .3162278, .1778279, .1}
	odd := []float64{.7498942, .4216965, .2371374, .1333521, .07498942}
	down, right := angles(table, 1*cols, 64), angles(table, 1, 64)
	checkAngles(t, "one row down", down[:16], even, angleError)
	checkAngles(t, "one row down", down[16:], make([]float64, 16), 0)
	checkAngles(t, "one column right", right[:16], make([]float64, 16), 0)
	checkAngles(t, "one column right", right[16:], odd, angleError)

	tiny := ImageTable(rows, cols, 16, 1e4)
	checkAngles(t, "row 2, column 3", angles(tiny, 2*cols+3, 16),
		[]float64{2, .2, .02, .002, .948683, .094868, .009487, .000949}, 5.01e-7)
}
