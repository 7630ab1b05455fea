package quant

import (
	"encoding/binary"
	"math"

	"github.com/x448/float16"
)

// The three float formats lie on the device as in a checkpoint: little-endian,
// without gaps. So a 32-bit word holds two half floats, the first in its low
// half, and a tensor of the right type goes to the device as it is in the file.
var (
	// F32 keeps each weight.
	F32 = Format{
		Name: "f32", Block: 8, BlockBytes: []int{32},
		Pack: func(w []float32) [][]byte {
			b := make([]byte, 0, 4*len(w))
			for _, v := range w {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
			}
			return [][]byte{b}
		},
		Unpack: func(parts [][]byte) []float32 {
			w := make([]float32, len(parts[0])/4)
			for i := range w {
				w[i] = math.Float32frombits(binary.LittleEndian.Uint32(parts[0][4*i:]))
			}
			return w
		},
	}

	// F16 is IEEE 754 binary16, rounded to nearest even. What is beyond 65504
	// becomes infinite.
	F16 = halves("f16",
		func(v float32) uint16 { return float16.Fromfloat32(v).Bits() },
		func(h uint16) float32 { return float16.Frombits(h).Float32() })

	// BF16 is the upper half of a float32, rounded to nearest even.
	BF16 = halves("bf16", toBF16,
		func(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) })
)

// halves returns a format of 16 bits a weight.
func halves(name string, narrow func(float32) uint16, widen func(uint16) float32) Format {
	return Format{
		Name: name, Block: 8, BlockBytes: []int{16},
		Pack: func(w []float32) [][]byte {
			b := make([]byte, 0, 2*len(w))
			for _, v := range w {
				b = binary.LittleEndian.AppendUint16(b, narrow(v))
			}
			return [][]byte{b}
		},
		Unpack: func(parts [][]byte) []float32 {
			w := make([]float32, len(parts[0])/2)
			for i := range w {
				w[i] = widen(binary.LittleEndian.Uint16(parts[0][2*i:]))
			}
			return w
		},
	}
}

func toBF16(v float32) uint16 {
	bits := math.Float32bits(v)
	if v != v {
		// Rounding could carry a NaN into the sign; the quiet bit keeps it one.
		return uint16(bits>>16) | 0x40
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}
