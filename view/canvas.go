package view

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
)

// A box is a rectangle on the canvas, in pixels.
type box struct{ x, y, w, h float32 }

func (b box) holds(x, y float32) bool { return x >= b.x && y >= b.y && x < b.x+b.w && y < b.y+b.h }

// inset returns the box without a margin.
func (b box) inset(by float32) box { return box{b.x + by, b.y + by, b.w - 2*by, b.h - 2*by} }

// The colours, red in the lowest byte.
var (
	ground = rgb(0x101319)
	panel  = rgb(0x191e27)
	edge   = rgb(0x2a313d)
	ink    = rgb(0xe8ebf0)
	muted  = rgb(0x8a94a5)
	accent = rgb(0x6cb2ff)
	amber  = rgb(0xf2b35c)
)

// rgb makes a colour of 0xrrggbb.
func rgb(c uint32) uint32 { return c>>16&255 | c&0xff00 | c&255<<16 | 0xff<<24 }

// clear returns a colour with so much of it, 0 to 1.
func clear(c uint32, much float32) uint32 { return c&0xffffff | uint32(255*much+0.5)<<24 }

// A painter collects the items of a frame.
type painter struct {
	*typesetter
	items []ops.Item
	clip  box
	scale float32 // canvas pixels to one of the layout's
}

// within draws with a smaller clip.
func (p *painter) within(b box, f func()) {
	old := p.clip
	p.clip = b
	f()
	p.clip = old
}

func (p *painter) add(i ops.Item) {
	i.Low.X, i.Low.Y = max(i.Low.X, p.clip.x), max(i.Low.Y, p.clip.y)
	i.High.X, i.High.Y = min(i.High.X, p.clip.x+p.clip.w), min(i.High.Y, p.clip.y+p.clip.h)
	if i.Low.X < i.High.X && i.Low.Y < i.High.Y {
		p.items = append(p.items, i)
	}
}

func corners(b box) (low, high ops.Point) {
	return ops.Point{X: b.x, Y: b.y}, ops.Point{X: b.x + b.w, Y: b.y + b.h}
}

// fill draws a rectangle; a rounded one must lie within the clip.
func (p *painter) fill(b box, colour uint32, radius float32) {
	low, high := corners(b)
	p.add(ops.Item{Kind: ops.DrawRect, Colour: colour, Low: low, High: high, Cell: ops.Point{X: radius}})
}

func (p *painter) border(b box, colour uint32, radius, width float32) {
	low, high := corners(b)
	p.add(ops.Item{Kind: ops.DrawRect, Colour: colour, Low: low, High: high, Cell: ops.Point{X: radius, Y: width}})
}

// text draws a line from x on, its baseline at y, and returns where it ends.
func (p *painter) text(x, y float32, which int, size float32, colour uint32, text string) float32 {
	pixels := int(math.Round(float64(size * p.scale)))
	y = float32(math.Round(float64(y)))
	for _, r := range text {
		g := p.glyph(which, pixels, r)
		if g.width > 0 {
			left, top := float32(math.Round(float64(x)))+float32(g.left), y+float32(g.top)
			low, high := corners(box{left, top, float32(g.width), float32(g.height)})
			p.add(ops.Item{Kind: ops.DrawGlyph, Colour: colour, Offset: uint32(g.y*atlasSide + g.x), Stride: atlasSide, Low: low, High: high, Origin: low})
		}
		x += g.advance
	}
	return x
}

// long is how long a text is at a size of the layout.
func (p *painter) long(which int, size float32, text string) float32 {
	return p.width(which, int(math.Round(float64(size*p.scale))), text)
}

// fitting cuts a text to a length, with an ellipsis.
func (p *painter) fitting(which int, size float32, text string, length float32) string {
	if p.long(which, size, text) <= length {
		return text
	}
	r := []rune(text)
	for len(r) > 0 && p.long(which, size, string(r)+"…") > length {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}

// A canvas is the tensors that a frame is drawn from and to.
type canvas struct {
	dev    *gpu.Device
	pixels gpu.Tensor // [height, stride] u32
	items  gpu.Tensor
	bins   gpu.Tensor
	atlas  gpu.Tensor
	looks  []uint64 // of each tile, what was drawn on it last
	swap   bool
}

// draw uploads the items and draws the tiles that changed; what is drawn stays
// on the device. heat is another number whenever the heat is another.
func (c *canvas) draw(p *painter, s ops.Scene, width, height int, swap bool, heat uint64, before func(*gpu.Recorder)) error {
	if err := c.fit(width, height); err != nil {
		return err
	}
	if c.swap != swap {
		c.looks, c.swap = nil, swap
	}
	var data []byte
	for _, i := range p.items {
		data = i.Bytes(data)
	}
	if err := c.upload(&c.items, "items", data); err != nil {
		return err
	}
	binned := ops.Bin(p.items, width, height)
	tiles := c.changed(binned, p.items, data, heat)
	if len(tiles) == 0 {
		return nil
	}
	words := binned.Words(tiles)
	s.Begin, s.Tiles = len(words)-len(tiles), len(tiles)
	var bins []byte
	for _, v := range words {
		bins = binary.LittleEndian.AppendUint32(bins, v)
	}
	if err := c.upload(&c.bins, "bins", bins); err != nil {
		return err
	}
	if p.changed {
		if err := c.upload(&c.atlas, "atlas", p.typesetter.atlas); err != nil {
			return err
		}
		p.changed = false
	}
	s.Items, s.Bins, s.Atlas = c.items, c.bins, c.atlas
	r := c.dev.Record()
	before(r)
	ops.Draw(r, c.pixels, s, width, height, swap)
	return r.Submit()
}

var seed = maphash.MakeSeed()

// changed lists the tiles that do not look as they did.
func (c *canvas) changed(b ops.Binned, items []ops.Item, data []byte, heat uint64) (tiles []uint32) {
	if len(c.looks) != b.Tiles() {
		c.looks = make([]uint64, b.Tiles())
	}
	size := len(data) / max(len(items), 1)
	var h maphash.Hash
	h.SetSeed(seed)
	for t := range c.looks {
		h.Reset()
		for _, i := range b.Items(t) {
			h.Write(data[int(i)*size : int(i+1)*size])
			if items[i].Kind == ops.DrawHeat {
				h.Write(binary.LittleEndian.AppendUint64(nil, heat))
			}
		}
		if look := h.Sum64() | 1; look != c.looks[t] { // 0 is what was never drawn
			c.looks[t] = look
			tiles = append(tiles, uint32(t))
		}
	}
	return tiles
}

// upload writes data into a tensor, a larger one if it has outgrown it.
func (c *canvas) upload(t *gpu.Tensor, name string, data []byte) error {
	if need := max(len(data), 64); !t.Exists() || t.Bytes() < uint64(need) {
		c.dev.Free(*t)
		var err error
		if *t, err = c.dev.New(name, gpu.U32, need/2); err != nil { // twice the need: 4 bytes an element
			return fmt.Errorf("view: %w", err)
		}
	}
	return c.dev.Write(*t, 0, data)
}

// fit makes the canvas cover so many pixels; rows are whole 256 bytes, as a
// surface wants them.
func (c *canvas) fit(width, height int) error {
	stride := (width + 63) &^ 63
	if c.pixels.Exists() && c.pixels.Shape[0] >= height && c.pixels.Shape[1] == stride {
		return nil
	}
	c.dev.Free(c.pixels)
	c.looks = nil
	var err error
	c.pixels, err = c.dev.New("canvas", gpu.U32, height, stride)
	return err
}

func (c *canvas) free() { c.dev.Free(c.pixels, c.items, c.bins, c.atlas) }
