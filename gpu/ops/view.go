package ops

import (
	"encoding/binary"
	"math"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/shaders"
)

// The kinds of items that Draw draws.
const (
	DrawRect    = iota // Cell: radius of the corners, width of the border (0 fills)
	DrawGlyph          // coverage at Offset of the atlas, rows of Stride
	DrawPicture        // Stride by Rows pixels at Offset of the pictures, Cell.X canvas pixels each
	DrawHeat           // Rows of Stride values at Offset of the heat, Cell in size, against the peak of row Row
	DrawGrid           // lines of cells
)

// DrawTile is how many pixels a side the tiles have that items are sorted into.
const DrawTile = 16

// A Point is a place on the canvas, in pixels.
type Point struct{ X, Y float32 }

// An Item is one thing on the canvas, clipped to the box from Low to High.
type Item struct {
	Kind           uint32
	Colour         uint32 // red in the lowest byte, then green, blue and how much of it
	Offset, Stride uint32
	Low, High      Point
	Origin         Point // of the content, on the canvas
	Cell           Point
	Rows, Row      uint32
}

const itemBytes = 64

// Bytes appends the item as the kernel reads it.
func (i Item) Bytes(to []byte) []byte {
	start := len(to)
	for _, v := range []uint32{i.Kind, i.Colour, i.Offset, i.Stride} {
		to = binary.LittleEndian.AppendUint32(to, v)
	}
	for _, p := range []Point{i.Low, i.High, i.Origin, i.Cell} {
		to = binary.LittleEndian.AppendUint32(to, math.Float32bits(p.X))
		to = binary.LittleEndian.AppendUint32(to, math.Float32bits(p.Y))
	}
	to = binary.LittleEndian.AppendUint32(to, i.Rows)
	to = binary.LittleEndian.AppendUint32(to, i.Row)
	return append(to, make([]byte, start+itemBytes-len(to))...)
}

// A Binned is items sorted into the tiles of a canvas.
type Binned struct {
	lists [][]uint32 // of each tile the items, in order
}

// Tiles returns how many tiles there are, and Items the items of one.
func (b Binned) Tiles() int              { return len(b.lists) }
func (b Binned) Items(tile int) []uint32 { return b.lists[tile] }

// Bin sorts items into the tiles of a canvas.
func Bin(items []Item, width, height int) Binned {
	across, down := ceil(width, DrawTile), ceil(height, DrawTile)
	lists := make([][]uint32, across*down)
	clamp := func(v float32, most int) int { return min(max(int(math.Floor(float64(v)/DrawTile)), 0), most) }
	for n, i := range items {
		if !(i.Low.X < i.High.X && i.Low.Y < i.High.Y) || i.High.X <= 0 || i.High.Y <= 0 {
			continue
		}
		for y := clamp(i.Low.Y, down); y < down && float32(y*DrawTile) < i.High.Y; y++ {
			for x := clamp(i.Low.X, across); x < across && float32(x*DrawTile) < i.High.X; x++ {
				lists[y*across+x] = append(lists[y*across+x], uint32(n))
			}
		}
	}
	return Binned{lists}
}

// Words returns the tiles as Draw reads them: for each where its list begins,
// the end of the last, then the lists, and then the tiles to be drawn.
func (b Binned) Words(draw []uint32) []uint32 {
	bins := make([]uint32, 0, 2*len(b.lists)+1+len(draw))
	at := uint32(len(b.lists) + 1)
	for _, l := range b.lists {
		bins = append(bins, at)
		at += uint32(len(l))
	}
	bins = append(bins, at)
	for _, l := range b.lists {
		bins = append(bins, l...)
	}
	return append(bins, draw...)
}

// A Scene is what Draw reads: items and their bins, and what they show.
type Scene struct {
	Items   gpu.Tensor // u32, of Item.Bytes
	Bins    gpu.Tensor // u32, of Binned.Words
	Begin   int        // where in Bins the tiles to be drawn are listed
	Tiles   int        // how many they are
	Atlas   gpu.Tensor // u32: coverage of letters, a byte a pixel
	Picture gpu.Tensor // u32: pixels, red in the lowest byte
	Heat    gpu.Tensor // [rows, patches]
	Peaks   gpu.Tensor // [rows, 4], of RowStats
}

type drawParams struct{ Width, Height, Stride, Tiles, Begin, Count, Swap uint32 }

// Draw records tiles of a picture of width by height pixels: canvas [height,
// stride] u32, red in the lowest byte, or blue if swapped.
func Draw(r *gpu.Recorder, canvas gpu.Tensor, s Scene, width, height int, swap bool) {
	const kernel = "view/draw"
	if len(canvas.Shape) != 2 || canvas.Type != gpu.U32 || canvas.Shape[0] < height || canvas.Shape[1] < width || width < 1 || height < 1 ||
		s.Peaks.Len() != 4*s.Heat.Shape[0] || s.Bins.Len() < s.Begin+s.Tiles || s.Tiles < 1 {
		r.Misfit(kernel, "%d x %d pixels of %v with heat %v, peaks %v and bins %v", width, height, canvas, s.Heat, s.Peaks, s.Bins)
		return
	}
	r.Dispatch(gpu.Dispatch{
		Kernel: variant(kernel),
		Params: drawParams{uint32(width), uint32(height), uint32(canvas.Shape[1]), uint32(ceil(width, DrawTile)), uint32(s.Begin), uint32(s.Tiles), flag(swap)},
		Read:   []gpu.Tensor{s.Items, s.Bins, s.Atlas, s.Picture, s.Heat, s.Peaks},
		Write:  canvas,
		Groups: fold(4 * s.Tiles), // of 8 by 8 pixels
		Work:   64 * DrawTile * DrawTile * float64(s.Tiles),
	})
}

type patchHeatParams struct{ Heads, Stride, First, Cols, Patches, Row, Keys uint32 }

// PatchHeat records the attention that the patches of a picture get: of x, [heads,
// stride] over tokens, the picture's first patch at token first and each of its
// rows of cols followed by one more token; into y, [rows, patches], from row on,
// a row a head or one for all of them. Tokens from keys on get nothing.
func PatchHeat(r *gpu.Recorder, y, x gpu.Tensor, row, first, cols, keys int, fold Fold) {
	const kernel = "view/patch_heat"
	heads, patches := x.Shape[0], y.Shape[1]
	together := 1
	if fold != EachHead {
		together = heads
	}
	if len(x.Shape) != 2 || len(y.Shape) != 2 || row < 0 || row+heads/together > y.Shape[0] || cols < 1 || patches%cols != 0 || first < 0 || keys > x.Shape[1] {
		r.Misfit(kernel, "%v from row %d on, from %v, patches from %d in rows of %d", y, row, x, first, cols)
		return
	}
	set := shaders.Set{{Name: "FOLD", Value: uint32(together)}}
	if fold == MaxHead {
		set[1] = shaders.Override{Name: "MAX", Value: 1}
	}
	each(r, kernel, heads/together*patches, gpu.Dispatch{
		Kernel: shaders.Variant{Set: set},
		Params: patchHeatParams{uint32(heads), uint32(x.Shape[1]), uint32(first), uint32(cols), uint32(patches), uint32(row), uint32(keys)},
		Read:   []gpu.Tensor{x},
		Write:  y,
	})
}
