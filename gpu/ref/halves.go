package ref

import (
	"math"

	"github.com/x448/float16"
)

// HalfRows returns what is left of x as half floats, each row scaled by the power
// of two that takes its largest below 2. x: [rows, cols].
func HalfRows(x []float32, cols int) []float32 {
	y := make([]float32, len(x))
	for start := 0; start < len(x); start += cols {
		most := float32(0)
		for _, v := range x[start : start+cols] {
			most = max(most, float32(math.Abs(float64(v))))
		}
		exponent := min(max(math.Float32bits(most)>>23, 1), 253)
		power, inverse := math.Float32frombits(exponent<<23), math.Float32frombits((254-exponent)<<23)
		for i, v := range x[start : start+cols] {
			y[start+i] = float16.Fromfloat32(v*inverse).Float32() * power
		}
	}
	return y
}
