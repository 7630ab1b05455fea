package quant

import "math"

// The scales of the K types are searched for: a handful of grids is laid over a
// group, for each the best scale is solved for, and the grid with the least
// weighted squared error wins. The grids, weights and order of operations are
// those of ggml/src/ggml-quants.c, make_qkx2_quants and make_qx_quants.

// tiny is the magnitude below which a group counts as zero; GROUP_MAX_EPS.
const tiny = 1e-15

// fitAffine finds scale and minimum (not negative) and codes up to top so that
// w is near scale·q - minimum. It tries grids of top+first, top+first+0.1, …
// steps; large weights count for more.
func fitAffine(w []float32, codes []byte, top int32, first float32, steps int) (scale, minimum float32) {
	f := affineFit{w: [32]float32(w), top: float32(top)}
	low, high := f.prepare()
	if high == low {
		clear(codes)
		return 0, -low
	}
	inverse := f.top / (high - low)
	f.round(inverse, low)
	scale = 1 / inverse
	best := f.mistake(scale, low, math.MaxFloat32)
	won := f.codes
	for step := range steps + 1 {
		grid := first + float32(0.1*float32(step)) + f.top
		s, l, ok := f.round(grid/(high-low), low)
		if !ok {
			continue
		}
		if e := f.mistake(s, l, best); e < best {
			best, scale, low = e, s, l
			won = f.codes
		}
	}
	for i, q := range won {
		codes[i] = byte(q)
	}
	return scale, -low
}

// An affineFit holds a group of weights and the codes on trial. They are
// floats, and arrays of a length the compiler knows, because nearly all time of
// quantising goes into two loops over them.
type affineFit struct {
	w, importance, codes [32]float32
	top                  float32
	sum, sumW            float32 // of importance; of importance times weight
}

// prepare fills in the importance, √(mean w²) + |w|, and returns the range of
// the weights and zero.
func (f *affineFit) prepare() (low, high float32) {
	var squares float32
	for _, v := range &f.w {
		squares += float32(v * v)
	}
	mean := float32(math.Sqrt(float64(squares / float32(len(f.w)))))
	low, high = f.w[0], f.w[0]
	for i, v := range &f.w {
		f.importance[i] = mean + abs(v)
		low, high = min(low, v), max(high, v)
		f.sum += f.importance[i]
		f.sumW += float32(f.importance[i] * v)
	}
	return min(low, 0), high
}

// round gives each weight the nearest code of a grid. It returns the scale and
// the value of code 0, not above zero, that suit these codes best; ok is false
// where all are equal.
func (f *affineFit) round(inverse, from float32) (scale, low float32, ok bool) {
	var sumQ, sumQQ, sumWQ float32
	for i, v := range &f.w {
		q := float32(inverse*(v-from)) + rounder - rounder
		if q < 0 {
			q = 0
		}
		if q > f.top {
			q = f.top
		}
		f.codes[i] = q
		weighted := f.importance[i] * q
		sumQ += weighted
		sumQQ += float32(weighted * q)
		sumWQ += float32(weighted * v)
	}
	det := float32(f.sum*sumQQ) - float32(sumQ*sumQ)
	if det <= 0 {
		return 0, 0, false
	}
	scale = (float32(f.sum*sumWQ) - float32(f.sumW*sumQ)) / det
	low = (float32(sumQQ*f.sumW) - float32(sumQ*sumWQ)) / det
	if low > 0 {
		return sumWQ / sumQQ, 0, true
	}
	return scale, low, true
}

// mistake is the weighted squared error, or some number not below enough.
func (f *affineFit) mistake(scale, low, enough float32) (sum float32) {
	for i, v := range &f.w {
		d := float32(scale*f.codes[i]) + low - v
		sum += float32(f.importance[i] * float32(d*d))
		if i%8 == 7 && sum >= enough {
			break
		}
	}
	return sum
}

// fitSymmetric finds a scale and codes so that w is near scale·(q-middle), q
// below 2·middle, the squared error weighted by w². It tries grids a little
// finer and a little coarser than the one whose end is the largest weight.
func fitSymmetric(w []float32, codes []byte, middle int32) (scale float32) {
	var most, signed float32
	for _, v := range w {
		if abs(v) > most {
			most, signed = abs(v), v
		}
	}
	if most < tiny {
		clear(codes)
		return 0
	}
	var best float32
	for step := range 20 {
		grid := float32(middle)
		if step > 0 {
			if step == 10 {
				continue // the first grid again
			}
			grid += float32(0.1 * float32(step-10))
		}
		inverse := -grid / signed
		var wq, qq float32
		for _, v := range w {
			q := float32(min(max(nearest(inverse*v), -middle), middle-1))
			wq += float32(float32(v*v) * v * q)
			qq += float32(float32(v*v) * q * q)
		}
		if step > 0 && !(qq > 0 && wq*wq > best*qq) {
			continue
		}
		for i, v := range w {
			codes[i] = byte(min(max(nearest(inverse*v), -middle), middle-1) + middle)
		}
		scale = ratio(wq, qq)
		best = scale * wq
	}
	return scale
}

// nearest rounds to an integer, halves to even; v is below 2^22 in magnitude,
// as codes and scales are. The sum's last bit stands for 1.
func nearest(v float32) int32 {
	return int32(math.Float32bits(v+rounder)&0x7fffff) - 0x400000
}

const rounder = 0x1.8p23
