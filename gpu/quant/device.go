package quant

// The device's layout of block formats. A word of four bytes holds the low
// four bits of an octet of weights: those of weights 0 to 3 in the low halves
// of its bytes, those of 4 to 7 in the high halves. What is above four bits lies
// in an array of its own, the scales in another. So 32 weights fill 16 aligned
// bytes, and a mask and a shift turn a word into two times four codes.
//
// Scales of two bytes lie two to a word. Rows of those formats are multiples of
// 64 weights, so that each begins with a word.

// fours takes the low bits of one block of 32 codes, byte j holding j and j+16.
func fours(from int) func(dst, b []byte) {
	return func(dst, b []byte) { nibbles(dst, b[from:from+16]) }
}

// nibbles turns bytes whose low halves come before all high halves into octets.
func nibbles(dst, b []byte) {
	behind := len(b) / 2
	for i := 0; i < len(b); i, dst = i+8, dst[4:] {
		first, second := word(b[i:]), word(b[i+4:])
		putWord(dst, first&0x0f0f0f0f|second&0x0f0f0f0f<<4)
		putWord(dst[behind:], first>>4&0x0f0f0f0f|second&0xf0f0f0f0)
	}
}

// fifths takes the fifth bits of 32 codes, bit i that of code i. Those of octet
// o go to bits o and o+4 of each byte: bit o for weights 0 to 3.
func fifths(from int) func(dst, b []byte) {
	return func(dst, b []byte) {
		bits, spread := word(b[from:]), uint32(0)
		for o := range 4 {
			// The product puts bit i of four at the bottom of byte i.
			spread |= ((bits & 15 * 0x00204081) & 0x01010101) << o
			spread |= ((bits >> 4 & 15 * 0x00204081) & 0x01010101) << (o + 4)
			bits >>= 8
		}
		putWord(dst, spread)
	}
}

// codes4 returns the octet of codes in a word; codes5 adds its fifth bits.
func codes4(w uint32) (lo, hi uint32) { return w & 0x0f0f0f0f, w >> 4 & 0x0f0f0f0f }

func codes5(w, high uint32, octet int) (lo, hi uint32) {
	lo, hi = codes4(w)
	return lo | high<<(4-octet)&0x10101010, hi | high>>octet&0x10101010
}

// spell returns the bytes of lo and hi as numbers.
func spell(lo, hi uint32) (q [8]float32) {
	for e := range 4 {
		q[e], q[e+4] = float32(byte(lo>>(8*e))), float32(byte(hi>>(8*e)))
	}
	return q
}

func unpackQ8(w []float32, parts [][]byte) {
	d := half(parts[1])
	for i, q := range parts[0] {
		w[i] = float32(int8(q)) * d
	}
}

func unpacker(bits int, minimum bool) func(w []float32, parts [][]byte) {
	return func(w []float32, parts [][]byte) {
		scales := parts[len(parts)-1]
		d, zero := half(scales), float32(int(1)<<(bits-1))
		var m float32
		if minimum {
			m, zero = half(scales[2:]), 0
		}
		for o := range 4 {
			lo, hi := codes4(word(parts[0][4*o:]))
			if bits == 5 {
				lo, hi = codes5(word(parts[0][4*o:]), word(parts[1]), o)
			}
			for e, q := range spell(lo, hi) {
				w[8*o+e] = offset((q-zero)*d, m, minimum)
			}
		}
	}
}
