package ref

import "math"

// AttentionRows returns the weights that Attention mixes the values with, fold
// heads to a row: their mean, or their maximum. What a query does not see is 0.
// q: [n, heads*headDim]; k: [m, kvHeads*headDim]; result: [n, heads/fold, m].
func AttentionRows(q, k []float32, heads, kvHeads, headDim int, causal bool, base, fold int, maximum bool) []float32 {
	n, m := len(q)/(heads*headDim), len(k)/(kvHeads*headDim)
	y := make([]float32, n*heads/fold*m)
	for i := range n {
		keys := m
		if causal {
			keys = min(m, base+i+1)
		}
		for h := range heads {
			weights := make([]float64, keys)
			for j := range weights {
				at, key := (i*heads+h)*headDim, (j*kvHeads+h/(heads/kvHeads))*headDim
				weights[j] = dot(q[at:at+headDim], k[key:]) / math.Sqrt(float64(headDim))
			}
			softmax(weights)
			row := y[(i*heads+h)/fold*m:]
			for j, w := range weights {
				if maximum {
					row[j] = max(row[j], float32(w))
				} else {
					row[j] += float32(w / float64(fold))
				}
			}
		}
	}
	return y
}

// RowStats returns of each row its Euclidean norm, its largest magnitude, where
// that is (the lowest such index), and how many elements are no finite numbers;
// those count for nothing else. x: [n, cols]; result: [n, 4].
func RowStats(x []float32, cols int) []float32 {
	var y []float32
	for start := 0; start < len(x); start += cols {
		squares, largest, at, odd := 0.0, -1.0, cols, 0
		for i, v := range x[start : start+cols] {
			a := math.Abs(float64(v))
			if math.IsNaN(a) || math.IsInf(a, 0) {
				odd++
				continue
			}
			squares += a * a
			if a > largest {
				largest, at = a, i
			}
		}
		y = append(y, float32(math.Sqrt(squares)), float32(max(largest, 0)), float32(at), float32(odd))
	}
	return y
}

// Rollout returns (x + a·x) / 2: a layer of attention rollout. a: [n, n]; x:
// [n, cols]; result: the shape of x.
func Rollout(a, x []float32, cols int) []float32 {
	n := len(x) / cols
	y := make([]float32, len(x))
	for i := range n {
		for c := range cols {
			sum := float64(x[i*cols+c])
			for j := range n {
				sum += float64(a[i*n+j]) * float64(x[j*cols+c])
			}
			y[i*cols+c] = float32(sum / 2)
		}
	}
	return y
}
