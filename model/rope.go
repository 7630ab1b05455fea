package model

import "math"

// TextTable returns the rotations of the positions first to first+n-1: for
// each position and pair of a head, the cosine and the sine of
// position / theta^(2*pair/headDim), divided by the pair's factor if there are
// any. Result: [n, headDim/2, 2].
//
// Frequency and angle are rounded to float32, as in mistral_inference/rope.py,
// precompute_freqs_cis; far along, that moves an angle by more than the
// rounding of its cosine.
func TextTable(first, n, headDim int, theta float64, factors []float32) []float32 {
	freqs := frequencies(headDim, theta)
	for pair, factor := range factors {
		freqs[pair] /= factor
	}
	table := make([]float32, 0, n*headDim)
	for position := first; position < first+n; position++ {
		for _, f := range freqs {
			table = appendTurn(table, position, f)
		}
	}
	return table
}

// ImageTable returns the rotations of the patches of an image of rows by cols
// patches, row by row: the first half of the pairs turns with the patch's row
// at the even frequencies, the second half with its column at the odd ones.
// Result: [rows*cols, headDim/2, 2], cosine and sine.
//
// Follows mistral_inference/rope.py, precompute_freqs_cis_2d.
func ImageTable(rows, cols, headDim int, theta float64) []float32 {
	freqs := frequencies(headDim, theta)
	table := make([]float32, 0, rows*cols*headDim)
	for row := range rows {
		for col := range cols {
			for even := 0; even < len(freqs); even += 2 {
				table = appendTurn(table, row, freqs[even])
			}
			for odd := 1; odd < len(freqs); odd += 2 {
				table = appendTurn(table, col, freqs[odd])
			}
		}
	}
	return table
}

// frequencies returns 1 / theta^(2*pair/headDim) for each pair of a head: the
// angle in radians by which it turns from one position to the next. The power
// is rounded to float32 before it is inverted, as there.
func frequencies(headDim int, theta float64) []float32 {
	freqs := make([]float32, headDim/2)
	for pair := range freqs {
		freqs[pair] = 1 / float32(math.Pow(theta, float64(2*pair)/float64(headDim)))
	}
	return freqs
}

// appendTurn adds the cosine and the sine of a float32 angle. They are taken in
// float64: those of a shader are good near zero only.
func appendTurn(table []float32, position int, frequency float32) []float32 {
	angle := float32(position) * frequency
	sin, cos := math.Sincos(float64(angle))
	return append(table, float32(cos), float32(sin))
}

// A stretch is how Llama 3.1 makes a context longer than it was trained on:
// slow turns become slower by Factor, fast ones stay, those between are blended.
type stretch struct {
	Factor    float64 // factor
	Low, High float64 // low_freq_factor, high_freq_factor: in turns over the old context
	Positions float64 // original_max_position_embeddings: the old context
}

// factors returns what the frequency of each pair is divided by; transformers,
// modeling_rope_utils.py, _compute_llama3_parameters.
func (s stretch) factors(headDim int, theta float64) []float32 {
	factors := make([]float32, headDim/2)
	for pair, f := range frequencies(headDim, theta) {
		turns := s.Positions * float64(f) / (2 * math.Pi) // over the old context
		kept := min(max((turns-s.Low)/(s.High-s.Low), 0), 1)
		factors[pair] = float32(1 / ((1-kept)/s.Factor + kept))
	}
	return factors
}
