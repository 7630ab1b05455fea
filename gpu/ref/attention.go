package ref

import "math"

// Rotate turns each adjacent pair of each head by the angle of its row: row r
// of x takes row first+r of table.
// x: [n, heads*headDim]; table: [positions, headDim/2, 2], cosine and sine;
// result: the shape of x.
func Rotate(x, table []float32, first, heads, headDim int) []float32 {
	y := make([]float32, len(x))
	for i := 0; i < len(x); i += 2 {
		row, pair := i/(heads*headDim), i%headDim/2
		angle := 2 * ((first+row)*headDim/2 + pair)
		cos, sin := float64(table[angle]), float64(table[angle+1])
		a, b := float64(x[i]), float64(x[i+1])
		y[i] = float32(a*cos - b*sin)
		y[i+1] = float32(a*sin + b*cos)
	}
	return y
}

// Attention returns softmax(q·kᵀ / sqrt(headDim)) · v for each query and head.
// Consecutive query heads share a key head: heads/kvHeads of them each. If
// causal, query i stands at position base+i and sees the keys up to there;
// otherwise it sees all of them, and base means nothing.
// q: [n, heads*headDim]; k, v: [m, kvHeads*headDim]; result: the shape of q.
func Attention(q, k, v []float32, heads, kvHeads, headDim int, causal bool, base int) []float32 {
	n, m := len(q)/(heads*headDim), len(k)/(kvHeads*headDim)
	y := make([]float32, len(q))
	for i := range n {
		keys := m
		if causal {
			keys = min(m, base+i+1)
		}
		for h := range heads {
			head := h / (heads / kvHeads)
			at := (i*heads + h) * headDim
			weights := make([]float64, keys)
			for j := range weights {
				key := k[(j*kvHeads+head)*headDim:]
				weights[j] = dot(q[at:at+headDim], key) / math.Sqrt(float64(headDim))
			}
			softmax(weights)
			for d := range headDim {
				var sum float64
				for j, w := range weights {
					sum += w * float64(v[(j*kvHeads+head)*headDim+d])
				}
				y[at+d] = float32(sum)
			}
		}
	}
	return y
}

// softmax turns scores into weights, in place. The greatest is subtracted
// first, so that no exponential overflows.
func softmax(x []float64) {
	greatest := math.Inf(-1)
	for _, v := range x {
		greatest = max(greatest, v)
	}
	var sum float64
	for i, v := range x {
		x[i] = math.Exp(v - greatest)
		sum += x[i]
	}
	for i := range x {
		x[i] /= sum
	}
}
