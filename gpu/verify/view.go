package verify

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/ref"
)

func viewChecks() []Check {
	var list []Check
	for _, s := range [][2]int{{1, 1}, {16, 16}, {70, 33}} { // pixels: below, at and off the tiles
		for _, swap := range []bool{false, true} {
			list = append(list, Check{"view/draw", fmt.Sprintf("%v swap %t", s, swap), func(d *gpu.Device) error {
				return on(d, func(b *bench) error { return drawing(b, s[0], s[1], swap) })
			}})
		}
	}
	for _, c := range [][4]int{{1, 1, 1, 0}, {4, 3, 5, 7}, {8, 13, 11, 1}} { // heads, cols, rows, first token
		for _, f := range []ops.Fold{ops.EachHead, ops.MeanHead, ops.MaxHead} {
			list = append(list, Check{"view/patch_heat", fmt.Sprintf("%v fold %d", c, f), func(d *gpu.Device) error {
				return on(d, func(b *bench) error { return patchHeat(b, c, f) })
			}})
		}
	}
	return list
}

// scene makes items of all kinds at random places, some beyond the canvas.
func scene(width, height int) []ops.Item {
	rng := rand.New(rand.NewPCG(1, 0))
	point := func(least, most float32) ops.Point {
		return ops.Point{X: least + rng.Float32()*(most-least), Y: least + rng.Float32()*(most-least)}
	}
	var items []ops.Item
	for n := range 40 {
		low := point(-20, float32(max(width, height)))
		i := ops.Item{Kind: uint32(n % 5), Colour: rng.Uint32(), Low: low, High: ops.Point{X: low.X + 3 + rng.Float32()*30, Y: low.Y + 3 + rng.Float32()*30}, Origin: low}
		switch i.Kind {
		case ops.DrawRect:
			i.Cell = ops.Point{X: rng.Float32() * 3, Y: float32(n % 3)}
		case ops.DrawGlyph:
			i.Low = ops.Point{X: float32(math.Floor(float64(low.X))), Y: float32(math.Floor(float64(low.Y)))}
			i.Origin, i.High = i.Low, ops.Point{X: i.Low.X + 8, Y: i.Low.Y + 8}
			i.Offset, i.Stride = 5, 9
		case ops.DrawPicture:
			i.Stride, i.Rows, i.Offset, i.Cell = 7, 5, 3, ops.Point{X: float32(1 + n%8), Y: float32(1 + n%8)}
		case ops.DrawHeat:
			i.Cell = ops.Point{X: 7.5, Y: 9.25}
			i.High = ops.Point{X: low.X + 4*7.5 - 0.25, Y: low.Y + 3*9.25 - 0.25}
			i.Stride, i.Rows, i.Row, i.Offset = 4, 3, 1, 12
		case ops.DrawGrid:
			i.Cell = point(3, 9)
		}
		items = append(items, i)
	}
	return items
}

func drawing(b *bench, width, height int, swap bool) error {
	const stride = 128
	items := scene(width, height)
	var bytes []byte
	for _, i := range items {
		bytes = i.Bytes(bytes)
	}
	words := make([]uint32, len(bytes)/4)
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(bytes[4*i:])
	}
	rng := rand.New(rand.NewPCG(2, 0))
	atlas, picture := make([]uint32, 25), make([]uint32, 38)
	for i := range atlas {
		atlas[i] = rng.Uint32()
	}
	for i := range picture {
		picture[i] = rng.Uint32()
	}
	heat := noise(3, 24)
	for i := range heat {
		heat[i] = max(heat[i], 0)
	}
	peaks := ref.RowStats(heat, 12)
	binned := ops.Bin(items, width, height)
	var tiles []uint32 // but the second of three
	for t := range binned.Tiles() {
		if t%3 != 1 {
			tiles = append(tiles, uint32(t))
		}
	}
	bins := binned.Words(tiles)
	s := ops.Scene{
		Items: b.ints("items", words), Bins: b.ints("bins", bins), Atlas: b.ints("atlas", atlas), Picture: b.ints("picture", picture),
		Heat: b.floats("heat", heat, 2, 12), Peaks: b.floats("peaks", peaks, 2, 4),
		Begin: len(bins) - len(tiles), Tiles: len(tiles),
	}
	canvas := b.keep(b.d.New("canvas", gpu.U32, height, stride))
	if b.err != nil {
		return b.err
	}
	r := b.d.Record()
	ops.Draw(r, canvas, s, width, height, swap)
	if err := r.Submit(); err != nil {
		return err
	}
	pixels, err := b.d.Ints(canvas)
	if err != nil {
		return err
	}
	want := ref.Draw(ref.Drawing{Items: bytes, Bins: bins, Atlas: atlas, Picture: picture, Heat: heat, Peaks: peaks, Tile: ops.DrawTile}, width, height)
	var got []float32
	for y := range height {
		for x := range width {
			p := pixels[y*stride+x]
			if (y/ops.DrawTile*((width+ops.DrawTile-1)/ops.DrawTile)+x/ops.DrawTile)%3 == 1 {
				if p != 0 {
					return fmt.Errorf("pixel %d, %d is of a tile that was not to be drawn", x, y)
				}
				got = append(got, want[len(got):len(got)+3]...)
				continue
			}
			if p>>24 != 255 {
				return fmt.Errorf("pixel %d, %d is %#x: not opaque", x, y, p)
			}
			c := []float32{float32(p & 255), float32(p >> 8 & 255), float32(p >> 16 & 255)}
			if swap {
				c[0], c[2] = c[2], c[0]
			}
			got = append(got, c...)
		}
	}
	// Rounding to 255 steps: half a step of error is no mistake.
	return near(got, want, 1e-5)
}

func patchHeat(b *bench, c [4]int, fold ops.Fold) error {
	heads, cols, rows, first := c[0], c[1], c[2], c[3]
	const spare, row = 3, 2
	stride := first + rows*(cols+1) + spare
	keys := stride - spare - 2 // the last patch is behind them
	xs := noise(1, heads*stride)
	for i := range xs {
		xs[i] = max(xs[i], 0)
	}
	together := 1
	if fold != ops.EachHead {
		together = heads
	}
	x, y := b.floats("x", xs, heads, stride), b.poisoned("y", row+heads/together, rows*cols)
	if b.err == nil {
		b.err = b.d.WriteFloats(y.Rows(row), make([]float32, row*rows*cols)) // rows before those written stay
	}
	got := b.result(y, func(r *gpu.Recorder) { ops.PatchHeat(r, y, x, row, first, cols, keys, fold) })
	if b.err != nil {
		return b.err
	}
	want := append(make([]float32, row*rows*cols), ref.PatchHeat(xs, heads, first, cols, rows*cols, keys, together, fold == ops.MaxHead)...)
	return near(got, want, 1e-12)
}
