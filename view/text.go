package view

import (
	"fmt"
	"image"
	"image/draw"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// The fonts, by name.
const (
	regular = iota
	bold
	mono
)

// atlasSide is how many pixels a side the atlas of letters has.
const atlasSide = 1024

// A glyph is a letter in the atlas.
type glyph struct {
	x, y, width, height int // in the atlas
	left, top           int // of its box, from the pen on the baseline
	advance             float32
}

type glyphKey struct {
	font, size int
	letter     rune
}

// A typesetter draws letters into an atlas as they are needed.
type typesetter struct {
	fonts    []*opentype.Font
	faces    map[[2]int]font.Face
	glyphs   map[glyphKey]glyph
	atlas    []byte // coverage, atlasSide by atlasSide
	x, y     int    // where the next letter goes
	row      int    // height of the row that is being filled
	changed  bool   // since it was last uploaded
	overflow bool   // a letter did not fit: begin anew with the next frame
}

func newTypesetter() (*typesetter, error) {
	t := &typesetter{faces: map[[2]int]font.Face{}}
	for _, ttf := range [][]byte{goregular.TTF, gobold.TTF, gomono.TTF} {
		f, err := opentype.Parse(ttf)
		if err != nil {
			return nil, fmt.Errorf("view: font: %w", err)
		}
		t.fonts = append(t.fonts, f)
	}
	t.clear()
	return t, nil
}

// clear empties the atlas.
func (t *typesetter) clear() {
	t.glyphs, t.atlas = map[glyphKey]glyph{}, make([]byte, atlasSide*atlasSide)
	t.x, t.y, t.row, t.changed, t.overflow = 1, 1, 0, true, false
}

func (t *typesetter) face(which, size int) font.Face {
	key := [2]int{which, size}
	if f := t.faces[key]; f != nil {
		return f
	}
	f, err := opentype.NewFace(t.fonts[which], &opentype.FaceOptions{Size: float64(size), DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		panic(err) // of fonts in the program, at sizes above 0
	}
	t.faces[key] = f
	return f
}

// glyph returns a letter of a font at a size in pixels.
func (t *typesetter) glyph(which, size int, letter rune) glyph {
	key := glyphKey{which, size, letter}
	if g, ok := t.glyphs[key]; ok {
		return g
	}
	box, mask, at, advance, ok := t.face(which, size).Glyph(fixed.Point26_6{}, letter)
	if !ok && letter != '□' {
		return t.glyph(which, size, '□')
	}
	g := glyph{width: box.Dx(), height: box.Dy(), left: box.Min.X, top: box.Min.Y, advance: float32(advance) / 64}
	if t.x+g.width+1 > atlasSide {
		t.x, t.y, t.row = 1, t.y+t.row+1, 0
	}
	if t.y+g.height+1 > atlasSide {
		t.overflow = true
		return glyph{advance: g.advance}
	}
	g.x, g.y = t.x, t.y
	if g.width > 0 {
		into := &image.Alpha{Pix: t.atlas, Stride: atlasSide, Rect: image.Rect(0, 0, atlasSide, atlasSide)}
		draw.Draw(into, image.Rect(g.x, g.y, g.x+g.width, g.y+g.height), mask, at, draw.Src)
		t.changed = true
	}
	t.x, t.row = t.x+g.width+1, max(t.row, g.height)
	t.glyphs[key] = g
	return g
}

// width returns how long a text is.
func (t *typesetter) width(which, size int, text string) (w float32) {
	for _, r := range text {
		w += t.glyph(which, size, r).advance
	}
	return w
}
