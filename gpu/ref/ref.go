// Package ref is the kernels in plain Go: slow, obvious and the definition of
// correct. Each function is the twin of the kernel of the same name in shaders;
// Linear and Attention of all those whose names begin so.
//
// Values are float32, as on the device; sums are float64, so that what ref
// returns is exact to the last bit or two and a kernel can be measured against
// it. Matrices are row-major. Slices whose lengths fit each other are the
// caller's business: ref never reads a file.
package ref

import "math"

// Linear returns x · wᵀ. x: [n, cols]; w: [rows, cols]; result: [n, rows].
func Linear(x, w []float32, cols int) []float32 {
	n, rows := len(x)/cols, len(w)/cols
	y := make([]float32, 0, n*rows)
	for r := range n {
		for o := range rows {
			y = append(y, float32(dot(x[r*cols:(r+1)*cols], w[o*cols:(o+1)*cols])))
		}
	}
	return y
}

// QuantizeRows returns x as signed bytes can say it: 32 values share the scale
// d, their largest magnitude / 127, and each becomes d times the nearest integer.
func QuantizeRows(x []float32) []float32 {
	y := make([]float32, len(x))
	for start := 0; start < len(x); start += 32 {
		largest := 0.0
		for _, v := range x[start : start+32] {
			largest = max(largest, math.Abs(float64(v)))
		}
		for i, v := range x[start : start+32] {
			if largest > 0 {
				y[start+i] = float32(math.RoundToEven(float64(v)*127/largest) * largest / 127)
			}
		}
	}
	return y
}

// RMSNorm returns x / sqrt(mean(x²) + eps) * w, row by row.
// x: [n, len(w)]; result: the same.
func RMSNorm(x, w []float32, eps float32) []float32 {
	dim := len(w)
	y := make([]float32, len(x))
	for start := 0; start < len(x); start += dim {
		row := x[start : start+dim]
		scale := 1 / math.Sqrt(dot(row, row)/float64(dim)+float64(eps))
		for i, v := range row {
			y[start+i] = float32(float64(v) * scale * float64(w[i]))
		}
	}
	return y
}

// SwiGLU returns silu(gate) * up, where silu(g) = g / (1 + exp(-g)).
func SwiGLU(gate, up []float32) []float32 {
	y := make([]float32, len(gate))
	for i, v := range gate {
		g := float64(v)
		y[i] = float32(g / (1 + math.Exp(-g)) * float64(up[i]))
	}
	return y
}

// GELU returns x/2 * (1 + erf(x/√2)): the exact form, not the tanh one.
func GELU(x []float32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(0.5 * float64(v) * (1 + math.Erf(float64(v)/math.Sqrt2)))
	}
	return y
}

// Add adds x to y in place.
func Add(y, x []float32) {
	for i, v := range x {
		y[i] += v
	}
}

// AddBias adds bias to each row of y in place. y: [n, len(bias)].
func AddBias(y, bias []float32) {
	for i := range y {
		y[i] += bias[i%len(bias)]
	}
}

// dot returns the sum of a[i]*b[i] in float64.
func dot(a, b []float32) float64 {
	var sum float64
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return sum
}
