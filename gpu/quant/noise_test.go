package quant

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// Random bits make finite weights of either sign, of about the size asked for.
func TestNoise(t *testing.T) {
	const cols, rows, size = 512, 32, 0.02
	for _, f := range Formats {
		rng := rand.New(rand.NewPCG(1, 1))
		patterns := f.Noise(size)
		if len(patterns) != len(f.BlockBytes) {
			t.Fatalf("%s: %d patterns for %d parts", f.Name, len(patterns), len(f.BlockBytes))
		}
		var parts [][]byte
		for i, n := range f.RowBytes(cols) {
			var part []byte
			for at := range rows * n / 4 {
				w := rng.Uint32()
				if p := patterns[i]; at%p.Every == 0 {
					w = w&p.Mask | p.Base
				}
				part = binary.LittleEndian.AppendUint32(part, w)
			}
			parts = append(parts, part)
		}
		sum, squares := 0.0, 0.0
		w := f.Unpack(parts)
		for _, v := range w {
			sum += float64(v)
			squares += float64(v) * float64(v)
		}
		mean, rms := sum/float64(len(w)), math.Sqrt(squares/float64(len(w)))
		if !(rms > size/2.5 && rms < 2.5*size) || !(math.Abs(mean) < rms/2) {
			t.Errorf("%s: mean %.4f, root mean square %.4f, asked for %.4f", f.Name, mean, rms, size)
		}
	}
}
