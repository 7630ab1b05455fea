package ref

// Noise returns n words of random bits, PCG of the index and the seed; in every
// so many words the bits outside mask are those of base.
func Noise(n int, seed uint32, every int, mask, base uint32) []uint32 {
	y := make([]uint32, n)
	for i := range y {
		y[i] = pcg(uint32(i) + pcg(seed))
		if i%every == 0 {
			y[i] = y[i]&mask | base
		}
	}
	return y
}

func pcg(v uint32) uint32 {
	state := v*747796405 + 2891336453
	word := (state>>(state>>28+4) ^ state) * 277803737
	return word>>22 ^ word
}

// Stream returns the exclusive or of the words that each invocation reads of x,
// [rows, words]: quads k, k+sharing, … of so many rows together. Past the last row
// the last one is read again.
func Stream(x []uint32, words, sharing, together, quads int) []uint32 {
	var y []uint32
	rows := len(x) / words
	for row := 0; row < rows; row += together {
		for lane := range sharing {
			var bits uint32
			for r := row; r < row+together; r++ {
				for k, w := range x[min(r, rows-1)*words:][:words] {
					if k/4/quads%sharing == lane {
						bits ^= w
					}
				}
			}
			y = append(y, bits)
		}
	}
	return y
}
