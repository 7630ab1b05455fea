package ref

import (
	"encoding/binary"
	"math"
)

// A Drawing is what Draw reads, as the kernel has it.
type Drawing struct {
	Items          []byte   // [items, 64]
	Bins           []uint32 // where the lists of the tiles begin and end, then the lists
	Atlas, Picture []uint32
	Heat, Peaks    []float32
	Tile           int // pixels a side
}

// Draw returns the colours of width by height pixels, red, green and blue of 0
// to 255 each: of every pixel the items of its tile, blended in order. An item
// is 16 words: kind, colour, offset, stride, then in pixels the box, the origin
// and the cell, and two more numbers. shaders/view/draw.wgsl tells the kinds.
func Draw(d Drawing, width, height int) []float32 {
	out := make([]float32, 0, 3*width*height)
	across := (width + d.Tile - 1) / d.Tile
	for y := range height {
		for x := range width {
			var c [3]float64
			tile := y/d.Tile*across + x/d.Tile
			for _, n := range d.Bins[d.Bins[tile]:d.Bins[tile+1]] {
				over, a := d.look(d.Items[64*n:64*n+64], float64(x)+0.5, float64(y)+0.5)
				for i := range c {
					c[i] += (over[i] - c[i]) * a
				}
			}
			for _, v := range c {
				out = append(out, float32(math.Round(255*min(max(v, 0), 1))))
			}
		}
	}
	return out
}

func (d Drawing) look(item []byte, x, y float64) (c [3]float64, a float64) {
	word := func(i int) uint32 { return binary.LittleEndian.Uint32(item[4*i:]) }
	float := func(i int) float64 { return float64(math.Float32frombits(word(i))) }
	c, a = unpack(word(1))
	offset, stride := int(word(2)), int(word(3))
	lowX, lowY, highX, highY := float(4), float(5), float(6), float(7)
	cellX, cellY := float(10), float(11)
	if x < lowX || y < lowY || x >= highX || y >= highY {
		return c, 0
	}
	qx, qy := x-float(8), y-float(9)
	switch word(0) {
	case 0: // a rectangle
		far := rounded(x-(lowX+highX)/2, y-(lowY+highY)/2, (highX-lowX)/2, (highY-lowY)/2, cellX)
		a *= clamp01(0.5 - far)
		if cellY > 0 {
			a *= clamp01(0.5 + far + cellY)
		}
	case 1: // a letter
		i := offset + int(qy)*stride + int(qx)
		a *= float64(d.Atlas[i/4]>>(8*(i%4))&255) / 255
	case 2: // a picture
		c = d.sample(offset, qx/cellX, qy/cellY, stride, int(word(12)), cellX)
	case 3: // heat
		col, row := min(int(qx/cellX), stride-1), min(int(qy/cellY), int(word(12))-1)
		v := float64(d.Heat[offset+row*stride+col]) / max(float64(d.Peaks[4*word(13)+1]), 1e-12)
		var clear float64
		c, clear = glow(v)
		a *= clear
	case 4: // the lines of a grid
		if qx-math.Floor(qx/cellX)*cellX >= 1 && qy-math.Floor(qy/cellY)*cellY >= 1 {
			a = 0
		}
	}
	return c, a
}

func unpack(word uint32) (c [3]float64, a float64) {
	for i := range c {
		c[i] = float64(word>>(8*i)&255) / 255
	}
	return c, float64(word>>24) / 255
}

func clamp01(v float64) float64 { return min(max(v, 0), 1) }

// rounded is the distance to a rounded rectangle around the origin.
func rounded(x, y, halfX, halfY, radius float64) float64 {
	dx, dy := math.Abs(x)-halfX+radius, math.Abs(y)-halfY+radius
	return math.Hypot(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0) - radius
}

func (d Drawing) sample(offset int, x, y float64, width, height int, scale float64) (c [3]float64) {
	at := func(x, y int) [3]float64 {
		c, _ := unpack(d.Picture[offset+min(max(y, 0), height-1)*width+min(max(x, 0), width-1)])
		return c
	}
	if scale >= 6 {
		return at(int(math.Floor(x)), int(math.Floor(y)))
	}
	lowX, lowY := math.Floor(x-0.5), math.Floor(y-0.5)
	px, py := x-0.5-lowX, y-0.5-lowY
	ix, iy := int(lowX), int(lowY)
	for i := range c {
		top := at(ix, iy)[i]*(1-px) + at(ix+1, iy)[i]*px
		bottom := at(ix, iy+1)[i]*(1-px) + at(ix+1, iy+1)[i]*px
		c[i] = top*(1-py) + bottom*py
	}
	return c
}

// glow is the colour of heat, from violet over red to a light yellow.
func glow(v float64) (c [3]float64, a float64) {
	t := clamp01(v)
	cold, warm, hot := [3]float64{0.16, 0.07, 0.42}, [3]float64{0.86, 0.16, 0.36}, [3]float64{1, 0.93, 0.45}
	low, high := clamp01(2*t), clamp01(2*t-1)
	for i := range c {
		c[i] = cold[i] + (warm[i]-cold[i])*low
		c[i] += (hot[i] - c[i]) * high
	}
	return c, 0.85 * math.Sqrt(t)
}

// PatchHeat returns the attention that the patches of a picture get: of x, [heads,
// stride] over tokens, where the picture begins at token first and each row of
// cols patches is followed by one more token. fold heads make a row: their mean
// or their maximum. Result: [heads/fold, patches].
func PatchHeat(x []float32, heads, first, cols, patches, keys, fold int, maximum bool) []float32 {
	stride := len(x) / heads
	y := make([]float32, heads/fold*patches)
	for i := range y {
		f, p := i/patches, i%patches
		token := first + p/cols*(cols+1) + p%cols
		if token >= keys {
			continue
		}
		for h := range fold {
			w := x[(f*fold+h)*stride+token]
			if maximum {
				y[i] = max(y[i], w)
			} else {
				y[i] += w / float32(fold)
			}
		}
	}
	return y
}
