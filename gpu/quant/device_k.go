package quant

import "math"

func putFloat(b []byte, v float32) { putWord(b, math.Float32bits(v)) }

// manyNibbles turns runs of bytes, low halves before high halves in each, into
// octets.
func manyNibbles(dst, b []byte, run int) {
	for ; len(dst) > 0; dst, b = dst[run:], b[run:] {
		nibbles(dst[:run], b[:run])
	}
}

// takeScales makes four words of the sixteen bytes before the codes: d and
// dmin; the low four bits of each group's scale; those of each minimum; the top
// two bits of the scales and, from bit 16 on, of the minima.
func takeScales(dst, b []byte) {
	var low, lowMin, top uint32
	for j := range 8 {
		s, m := groupScales(b[4:16], j)
		low |= uint32(s&15) << (4 * j)
		lowMin |= uint32(m&15) << (4 * j)
		top |= uint32(s>>4)<<(2*j) | uint32(m>>4)<<(2*j+16)
	}
	putWord(dst, word(b))
	putWord(dst[4:], low)
	putWord(dst[8:], lowMin)
	putWord(dst[12:], top)
}

// takeFifths makes a word for each group of 32 weights, as fifths does. In the
// file bit j of byte i is that of weight i of group j.
func takeFifths(dst, b []byte) {
	b = b[16:48]
	for j := range 8 {
		var spread uint32
		for o := range 4 {
			spread |= word(b[8*o:]) >> j & 0x01010101 << o
			spread |= word(b[8*o+4:]) >> j & 0x01010101 << (o + 4)
		}
		putWord(dst[4*j:], spread)
	}
}

// takeSixths makes a word for each 16 weights: two bits for each, those of an
// octet's first four at the bottom of a byte's half, the others above them, and
// the second octet in the upper half. In the file two bits of a byte belong
// to each of four groups of 32.
func takeSixths(dst, b []byte) {
	for n := range 2 {
		for u := range 8 {
			var spread uint32
			at := b[128+32*n+16*(u&1):]
			for o := range 2 {
				spread |= word(at[8*o:]) >> (u &^ 1) & 0x03030303 << (4 * o)
				spread |= word(at[8*o+4:]) >> (u &^ 1) & 0x03030303 << (4*o + 2)
			}
			putWord(dst[32*n+4*u:], spread)
		}
	}
}

// unpackAffine serves Q4_K and, with a part for the fifth bits, Q5_K.
func unpackAffine(w []float32, parts [][]byte) {
	head := parts[len(parts)-1]
	d, dmin, top := half(head), half(head[2:]), word(head[12:])
	for k := range 32 {
		j := k / 4
		s := word(head[4:])>>(4*j)&15 | top>>(2*j)&3<<4
		m := word(head[8:])>>(4*j)&15 | top>>(2*j+16)&3<<4
		lo, hi := codes4(word(parts[0][4*k:]))
		if len(parts) == 3 {
			lo, hi = codes5(word(parts[0][4*k:]), word(parts[1][4*j:]), k%4)
		}
		for e, q := range spell(lo, hi) {
			w[8*k+e] = float32(d*float32(s)*q) - dmin*float32(m)
		}
	}
}

func unpackQ6(w []float32, parts [][]byte) {
	d := math.Float32frombits(word(parts[3]))
	for k := range 32 {
		lo, hi := codes4(word(parts[0][4*k:]))
		high := word(parts[1][4*(k/2):]) >> (4 * (k & 1))
		scale := d * float32(int8(parts[2][k/2]))
		for e, q := range spell(lo|high<<4&0x30303030, hi|high<<2&0x30303030) {
			w[8*k+e] = (q - 32) * scale
		}
	}
}
