package quant

// ggml's K types: 256 weights share half-float scales, and groups of 16 or 32
// have small integer scales of their own. Layouts and arithmetic are those of
// ggml/src/ggml-quants.c, quantize_row_q*_K_ref and dequantize_row_q*_K.
var (
	// Q4_K: w = d·s·q - dmin·m with q of 4, s and m of 6 bits for 32 weights.
	Q4_K = layout{
		name: "q4_k", block: 256, weights: 256, bytes: 144,
		quantize:   func(dst []byte, w []float32) { quantizeAffine(dst, w, 15, -1, 20) },
		dequantize: func(w []float32, b []byte) { dequantizeAffine(w, b, nil, b[16:]) },
		parts: []part{
			{128, func(dst, b []byte) { manyNibbles(dst, b[16:], 32) }},
			{16, takeScales},
		},
		unpack: unpackAffine,
	}.format()

	// Q5_K is Q4_K with codes of 5 bits.
	Q5_K = layout{
		name: "q5_k", block: 256, weights: 256, bytes: 176,
		quantize:   func(dst []byte, w []float32) { quantizeAffine(dst, w, 31, -0.5, 15) },
		dequantize: func(w []float32, b []byte) { dequantizeAffine(w, b, b[16:48], b[48:]) },
		parts: []part{
			{128, func(dst, b []byte) { manyNibbles(dst, b[48:], 32) }},
			{32, takeFifths},
			{16, takeScales},
		},
		unpack: unpackAffine,
	}.format()

	// Q6_K: w = d·s·(q-32) with q of 6 bits, s a signed byte for 16 weights.
	Q6_K = layout{
		name: "q6_k", block: 256, weights: 256, bytes: 210,
		quantize: quantizeQ6, dequantize: dequantizeQ6,
		parts: []part{
			{128, func(dst, b []byte) { manyNibbles(dst, b[:128], 64) }},
			{64, takeSixths},
			{16, span(192)},
			{4, func(dst, b []byte) { putFloat(dst, half(b[208:])) }}, // a float32 keeps what follows aligned
		},
		unpack: unpackQ6,
	}.format()
)

// groupScales returns the scale and minimum of group j of 32 weights out of
// twelve bytes: the first four groups in the low six bits of bytes 0 to 7, the
// others in bytes 8 to 11 and the top bits of the rest.
func groupScales(b []byte, j int) (s, m byte) {
	if j < 4 {
		return b[j] & 63, b[j+4] & 63
	}
	return b[j+4]&15 | b[j-4]>>6<<4, b[j+4]>>4 | b[j]>>6<<4
}

func putGroupScales(b []byte, j int, s, m byte) {
	if j < 4 {
		b[j], b[j+4] = s, m
		return
	}
	b[j+4] = s&15 | m<<4
	b[j-4] |= s >> 4 << 6
	b[j] |= m >> 4 << 6
}

// dequantizeAffine serves Q4_K and, with the fifth bits in high, Q5_K.
func dequantizeAffine(w []float32, b, high, low []byte) {
	d, dmin := half(b), half(b[2:])
	for j := range 8 {
		s, m := groupScales(b[4:16], j)
		scale, minimum := d*float32(s), dmin*float32(m)
		for i := range 32 {
			q := low[32*(j/2)+i] >> (4 * (j & 1)) & 15
			if high != nil {
				q |= high[i] >> j & 1 << 4
			}
			w[32*j+i] = float32(scale*float32(q)) - minimum
		}
	}
}

// quantizeAffine makes blocks of Q4_K for codes up to 15, of Q5_K for codes up
// to 31.
func quantizeAffine(dst []byte, w []float32, top int32, first float32, steps int) {
	var scales, minima [8]float32
	var codes [256]byte
	var mostScale, mostMinimum float32
	for j := range 8 {
		scales[j], minima[j] = fitAffine(w[32*j:][:32], codes[32*j:][:32], top, first, steps)
		mostScale, mostMinimum = max(mostScale, scales[j]), max(mostMinimum, minima[j])
	}
	clear(dst)
	putHalf(dst, mostScale/63)
	putHalf(dst[2:], mostMinimum/63)
	for j := range 8 {
		s := min(63, nearest(ratio(63, mostScale)*scales[j]))
		m := min(63, nearest(ratio(63, mostMinimum)*minima[j]))
		putGroupScales(dst[4:16], j, byte(s), byte(m))
	}
	d, dmin := half(dst), half(dst[2:])
	for j := range 8 {
		s, m := groupScales(dst[4:16], j)
		scale, minimum := d*float32(s), dmin*float32(m)
		if scale == 0 {
			continue // the codes of the search stay, as in ggml
		}
		for i := 32 * j; i < 32*(j+1); i++ {
			codes[i] = byte(min(max(nearest((w[i]+minimum)/scale), 0), top))
		}
	}
	low := dst[16:]
	if top > 15 {
		for i, q := range codes {
			low[i%32] |= q >> 4 << (i / 32)
		}
		low = low[32:]
	}
	for i := range low {
		at := i/32*64 + i%32
		low[i] = codes[at]&15 | codes[at+32]<<4
	}
}

// dequantizeQ6 reads 128 bytes of low bits, 64 of high bits, 16 scales, and d.
// Half a block is four groups of 32; two of them share a byte of low bits, all
// four a byte of high bits.
func dequantizeQ6(w []float32, b []byte) {
	d := half(b[208:])
	for i := range w {
		n, g, l := i/128, i%128/32, i%32
		q := b[64*n+32*(g&1)+l]>>(4*(g>>1))&15 | b[128+32*n+l]>>(2*g)&3<<4
		w[i] = d * float32(int8(b[192+i/16])) * float32(int(q)-32)
	}
}

func quantizeQ6(dst []byte, w []float32) {
	var scales [16]float32
	var codes [256]byte
	var most float32 // of the largest magnitude, with its sign
	for j := range scales {
		scales[j] = fitSymmetric(w[16*j:][:16], codes[16*j:][:16], 32)
		if abs(scales[j]) > abs(most) {
			most = scales[j]
		}
	}
	clear(dst)
	if abs(most) < tiny {
		return
	}
	inverse := -128 / most
	putHalf(dst[208:], 1/inverse)
	d := half(dst[208:])
	for j := range scales {
		s := min(127, nearest(inverse*scales[j]))
		dst[192+j] = byte(s)
		scale := d * float32(int8(s))
		if scale == 0 {
			continue // the codes of the search stay, as in ggml
		}
		for i := 16 * j; i < 16*(j+1); i++ {
			codes[i] = byte(min(max(nearest(w[i]/scale), -32), 31) + 32)
		}
	}
	for i, q := range codes {
		n, g, l := i/128, i%128/32, i%32
		dst[64*n+32*(g&1)+l] |= q & 15 << (4 * (g >> 1))
		dst[128+32*n+l] |= q >> 4 << (2 * g)
	}
}
