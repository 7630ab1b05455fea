package quant

import "math"

// A Pattern says how random bits become a part of a format: in word 0 and every
// so many words on, the bits outside Mask are those of Base; the others are random.
type Pattern struct {
	Every      int
	Mask, Base uint32
}

var codes = Pattern{Every: 1, Mask: math.MaxUint32}

// Noise returns how random bits become weights about as large as size, of either
// sign and finite, a pattern for each part. Magnitudes of floats and scales lie
// between a power of two and the next.
func (f Format) Noise(size float64) []Pattern {
	// deviation is of codes, about zero or about their mean.
	scales := func(deviation float64) Pattern { return Pattern{1, 0x03ff03ff, 0x00010001 * halfPower(size/deviation)} }
	switch f.Name {
	case F32.Name:
		return []Pattern{{1, 0x807fffff, floatPower(size)}}
	case F16.Name:
		return []Pattern{{1, 0x83ff83ff, 0x00010001 * halfPower(size)}}
	case BF16.Name:
		return []Pattern{{1, 0x807f807f, 0x00010001 * (floatPower(size) >> 16)}}
	case Q8_0.Name:
		return []Pattern{codes, scales(74)}
	case Q4_0.Name:
		return []Pattern{codes, scales(4.6)}
	case Q5_0.Name:
		return []Pattern{codes, codes, scales(9.2)}
	case Q4_1.Name:
		return []Pattern{codes, minima(size, 4.6, 8, 0x8000, 1)}
	case Q5_1.Name:
		return []Pattern{codes, codes, minima(size, 9.2, 16, 0x8000, 1)}
	case Q4_K.Name:
		return []Pattern{codes, minima(size, 4.6*36, 8, 0, 4)}
	case Q5_K.Name:
		return []Pattern{codes, codes, minima(size, 9.2*36, 16, 0, 4)}
	case Q6_K.Name:
		return []Pattern{codes, codes, codes, {1, 0x007fffff, floatPower(size / (18 * 74))}}
	}
	return nil
}

// minima are d and, so many times as large and of that sign, what puts the mean
// of the codes near zero.
func minima(size, deviation, mean float64, sign uint32, every int) Pattern {
	return Pattern{every, 0x03ff03ff, halfPower(size/deviation) | (sign|halfPower(mean*size/deviation))<<16}
}

// halfPower and floatPower return the power of two at or below v in 16 and 32
// bits, normal numbers only.
func halfPower(v float64) uint32 {
	_, exp := math.Frexp(v)
	return uint32(min(max(exp-1+15, 1), 29)) << 10
}

func floatPower(v float64) uint32 { return math.Float32bits(float32(v)) & 0x7f800000 }
