package pixels

import (
	"image"
	"math"
)

// taps are the four source samples behind each target sample of one axis, and
// their weights.
type taps struct {
	index  [][4]int
	weight [][4]float32
}

// cubicTaps places dst samples over src samples as OpenCV's INTER_CUBIC does:
// centres aligned, A = -0.75, four taps whatever the scale (shrinking does
// not blur), indices clamped at the border. OpenCV
// modules/imgproc/src/resize.cpp, interpolateCubic.
func cubicTaps(src, dst int) taps {
	t := taps{make([][4]int, dst), make([][4]float32, dst)}
	scale := 1 / (float64(dst) / float64(src)) // OpenCV's detour; src/dst rounds differently
	for d := range dst {
		f := float32((float64(d)+0.5)*scale - 0.5)
		first := int(math.Floor(float64(f)))
		t.weight[d] = cubic(f - float32(first))
		for k := range 4 {
			t.index[d][k] = min(max(first-1+k, 0), src-1)
		}
	}
	return t
}

// cubic returns the weights of the samples at -1, 0, 1 and 2 for a point at x
// in [0, 1). The conversions forbid fused multiply-adds, so that every
// processor computes the same bits.
func cubic(x float32) (c [4]float32) {
	const a = -0.75
	near := func(x float32) float32 {
		return float32(float32(float32(float32((a+2)*x)-(a+3))*x)*x) + 1
	}
	u := x + 1
	c[0] = float32(float32(float32(float32(float32(a*u)-5*a)*u)+8*a)*u) - 4*a
	c[1] = near(x)
	c[2] = near(1 - x)
	c[3] = 1 - c[0] - c[1] - c[2]
	return c
}

// resize returns img at width x height as float32 RGB, [height, width, 3], in
// 0..255 but neither rounded nor clamped: cubic weights overshoot at edges, and
// the reference lets them. A picture that has the size already is copied.
func resize(img *image.RGBA, width, height int) []float32 {
	xs, ys := cubicTaps(img.Rect.Dx(), width), cubicTaps(img.Rect.Dy(), height)
	out := make([]float32, height*width*3)
	rows := newRowCache(img, xs, width)
	for y := range height {
		var near [4][]float32
		for k, sy := range ys.index[y] {
			near[k] = rows.row(sy)
		}
		w := ys.weight[y]
		dst := out[y*width*3:][:width*3]
		r0, r1, r2, r3 := near[0][:len(dst)], near[1][:len(dst)], near[2][:len(dst)], near[3][:len(dst)]
		for i := range dst {
			dst[i] = float32(r0[i]*w[0]) + float32(r1[i]*w[1]) + float32(r2[i]*w[2]) + float32(r3[i]*w[3])
		}
	}
	return out
}

// rowCache holds the source rows last resized horizontally. Neighbouring
// target rows share them when enlarging; a target row needs at most four.
type rowCache struct {
	img  *image.RGBA
	xs   taps
	rows [4][]float32 // [width, 3]; row sy lies at sy mod 4
	held [4]int       // source row in each place
}

func newRowCache(img *image.RGBA, xs taps, width int) *rowCache {
	c := &rowCache{img: img, xs: xs, held: [4]int{-1, -1, -1, -1}}
	for i := range c.rows {
		c.rows[i] = make([]float32, width*3)
	}
	return c
}

func (c *rowCache) row(sy int) []float32 {
	place := sy % 4 // four rows in sequence never meet in one place
	row := c.rows[place]
	if c.held[place] == sy {
		return row
	}
	c.held[place] = sy
	pix := c.img.Pix[sy*c.img.Stride:]
	for x, index := range c.xs.index {
		w := &c.xs.weight[x]
		p0, p1, p2, p3 := pix[4*index[0]:][:3], pix[4*index[1]:][:3], pix[4*index[2]:][:3], pix[4*index[3]:][:3]
		dst := row[3*x:][:3]
		for k := range 3 {
			dst[k] = float32(float32(p0[k])*w[0]) + float32(float32(p1[k])*w[1]) +
				float32(float32(p2[k])*w[2]) + float32(float32(p3[k])*w[3])
		}
	}
	return row
}
