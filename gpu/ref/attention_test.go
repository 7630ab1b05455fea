package ref

import (
	"math"
	"testing"
)

func TestRotate(t *testing.T) {
	// Position 0 does not turn; position 1 turns the first pair by a quarter
	// and the second by a half; position 2 by 60° and 30°.
	r := float32(math.Sqrt(3) / 2)
	table := []float32{1, 0, 1, 0, 0, 1, -1, 0, 0.5, r, r, 0.5}
	x := []float32{ // two rows of two heads of four
		1, 2, 3, 4, 5, 6, 7, 8,
		1, 0, 0, 1, 2, 0, 0, 2,
	}
	near(t, "from 0", Rotate(x, table, 0, 2, 4), []float32{
		1, 2, 3, 4, 5, 6, 7, 8,
		0, 1, 0, -1, 0, 2, 0, -2,
	})
	near(t, "from 1", Rotate(x, table, 1, 2, 4), []float32{
		-2, 1, -3, -4, -6, 5, -7, -8,
		0.5, r, -0.5, r, 1, 2 * r, -1, 2 * r,
	})
}

// TestAttention uses keys whose scores are logarithms, so that the weights of
// the softmax are fractions.
func TestAttention(t *testing.T) {
	const headDim = 4 // the scale is 1/2
	ln := func(v float64) float32 { return float32(2 * math.Log(v)) }
	k := []float32{ln(1), 0, 0, 0, ln(2), 0, 0, 0, ln(5), 0, 0, 0}
	v := []float32{8, 0, 1, 0, 0, 8, 1, 0, 16, 0, 1, 8}
	q := []float32{1, 0, 0, 0, 1, 9, 9, 9}

	all := []float32{11, 2, 1, 5} // 1/8, 2/8 and 5/8
	first, two := []float32{8, 0, 1, 0}, []float32{8. / 3, 16. / 3, 1, 0}
	near(t, "full", Attention(q, k, v, 1, 1, headDim, false, 0), append(append([]float32{}, all...), all...))
	near(t, "causal from 0", Attention(q, k, v, 1, 1, headDim, true, 0), append(append([]float32{}, first...), two...))
	near(t, "causal from 1", Attention(q, k, v, 1, 1, headDim, true, 1), append(append([]float32{}, two...), all...))
}

// TestAttentionHeads has four query heads on two key heads: heads 0 and 1 read
// the first, 2 and 3 the second.
func TestAttentionHeads(t *testing.T) {
	const headDim = 2
	k := []float32{0, 0, 0, 0} // one key: its value is taken whole
	v := []float32{1, 2, 3, 4}
	near(t, "groups", Attention(make([]float32, 8), k, v, 4, 2, headDim, true, 0),
		[]float32{1, 2, 1, 2, 3, 4, 3, 4})
}

// TestAttentionLarge has scores whose exponentials overflow.
func TestAttentionLarge(t *testing.T) {
	k, v := []float32{1e4, 9e3}, []float32{1, -1}
	near(t, "large scores", Attention([]float32{10}, k, v, 1, 1, 1, false, 0), []float32{1})
}
