package quant

import "math"

// ggml's first block types: 32 weights share a scale d, and in the types whose
// name ends with _1 a minimum m. Layouts and arithmetic are those of
// ggml/src/ggml-quants.c, quantize_row_*_ref and dequantize_row_*.
var (
	// Q8_0 holds d and 32 signed bytes: w = d·q.
	Q8_0 = layout{
		name: "q8_0", block: 64, weights: 32, bytes: 34,
		quantize: quantizeQ8, dequantize: dequantizeQ8,
		parts: []part{{32, span(2)}, {2, span(0)}}, unpack: unpackQ8,
	}.format()

	// Q4_0 holds d and 32 codes of 4 bits: w = d·(q-8).
	Q4_0 = layout{
		name: "q4_0", block: 64, weights: 32, bytes: 18,
		quantize: symmetric(4), dequantize: dequantizer(4, false),
		parts: []part{{16, fours(2)}, {2, span(0)}}, unpack: unpacker(4, false),
	}.format()

	// Q4_1 holds d, m and 32 codes of 4 bits: w = d·q + m.
	Q4_1 = layout{
		name: "q4_1", block: 32, weights: 32, bytes: 20,
		quantize: ranged(4), dequantize: dequantizer(4, true),
		parts: []part{{16, fours(4)}, {4, span(0)}}, unpack: unpacker(4, true),
	}.format()

	// Q5_0 holds d, the fifth bits of the codes, and the rest: w = d·(q-16).
	Q5_0 = layout{
		name: "q5_0", block: 64, weights: 32, bytes: 22,
		quantize: symmetric(5), dequantize: dequantizer(5, false),
		parts: []part{{16, fours(6)}, {4, fifths(2)}, {2, span(0)}}, unpack: unpacker(5, false),
	}.format()

	// Q5_1 holds d, m, the fifth bits of the codes, and the rest: w = d·q + m.
	Q5_1 = layout{
		name: "q5_1", block: 32, weights: 32, bytes: 24,
		quantize: ranged(5), dequantize: dequantizer(5, true),
		parts: []part{{16, fours(8)}, {4, fifths(4)}, {4, span(0)}}, unpack: unpacker(5, true),
	}.format()
)

func quantizeQ8(dst []byte, w []float32) {
	var most float32
	for _, v := range w {
		most = max(most, abs(v))
	}
	d := most / 127
	inverse := ratio(1, d)
	putHalf(dst, d)
	for i, v := range w {
		dst[2+i] = byte(int8(math.Round(float64(v * inverse)))) // half away from zero
	}
}

func dequantizeQ8(w []float32, b []byte) {
	d := half(b)
	for i, q := range b[2:] {
		w[i] = d * float32(int8(q))
	}
}

// symmetric quantises to codes around the middle one, such that the weight
// farthest from zero gets the lowest code.
func symmetric(bits int) func(dst []byte, w []float32) {
	middle := float32(int(1) << (bits - 1))
	return func(dst []byte, w []float32) {
		var most, signed float32
		for _, v := range w {
			if abs(v) > most {
				most, signed = abs(v), v
			}
		}
		d := signed / -middle
		inverse := ratio(1, d)
		var codes [32]byte
		for i, v := range w {
			// The conversion keeps a compiler from fusing product and sum.
			codes[i] = byte(min(float32(v*inverse)+middle+0.5, 2*middle-1))
		}
		putHalf(dst, d)
		putCodes(dst[2:], &codes, bits)
	}
}

// ranged quantises to codes from the least weight up to the greatest.
func ranged(bits int) func(dst []byte, w []float32) {
	top := float32(int(1)<<bits - 1)
	return func(dst []byte, w []float32) {
		low, high := w[0], w[0]
		for _, v := range w {
			low, high = min(low, v), max(high, v)
		}
		d := (high - low) / top
		inverse := ratio(1, d)
		var codes [32]byte
		for i, v := range w {
			codes[i] = byte(min(float32((v-low)*inverse)+0.5, top))
		}
		putHalf(dst, d)
		putHalf(dst[2:], low)
		putCodes(dst[4:], &codes, bits)
	}
}

// putCodes writes the fifth bits, if there are any, and then byte j with the
// low bits of weights j and j+16.
func putCodes(dst []byte, codes *[32]byte, bits int) {
	if bits == 5 {
		var high uint32
		for i, q := range codes {
			high |= uint32(q>>4) << i
		}
		putWord(dst, high)
		dst = dst[4:]
	}
	for j := range 16 {
		dst[j] = codes[j]&15 | codes[j+16]<<4
	}
}

func dequantizer(bits int, minimum bool) func(w []float32, b []byte) {
	middle := 1 << (bits - 1)
	return func(w []float32, b []byte) {
		d, m, zero := half(b), float32(0), middle
		b = b[2:]
		if minimum {
			m, zero, b = half(b), 0, b[2:]
		}
		var high uint32
		if bits == 5 {
			high, b = word(b), b[4:]
		}
		for j, q := range b {
			low := int(q&15) | int(high>>j&1)<<4
			w[j] = offset(d*float32(low-zero), m, minimum)
			low = int(q>>4) | int(high>>(j+16)&1)<<4
			w[j+16] = offset(d*float32(low-zero), m, minimum)
		}
	}
}

// offset adds m where there is one: -0 + 0 would lose its sign.
func offset(v, m float32, minimum bool) float32 {
	if minimum {
		return v + m
	}
	return v
}

func abs(v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1 << 31)) }

// ratio is a/b, and 0 where b is, as it is for a block of zeros.
func ratio(a, b float32) float32 {
	if b == 0 {
		return 0
	}
	return a / b
}
