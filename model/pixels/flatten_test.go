package pixels

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"testing"
)

// All 65,536 pairs of colour and opacity, through a PNG: the blend is the
// exact one, rounded to nearest.
func TestOnWhiteAllCases(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 256, 256))
	for a := range 256 {
		for c := range 256 {
			img.SetNRGBA(c, a, color.NRGBA{uint8(c), uint8(255 - c), uint8(c ^ a), uint8(a)})
		}
	}
	var file bytes.Buffer
	if err := png.Encode(&file, img); err != nil {
		t.Fatal(err)
	}
	got, err := Decode(file.Bytes(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for a := range 256 {
		for c := range 256 {
			exact := func(c int) uint8 { return uint8((2*(255*(255-a)+c*a) + 255) / 510) }
			want := color.RGBA{exact(c), exact(255 - c), exact(c ^ a), 255}
			if got := got.RGBAAt(c, a); got != want {
				t.Fatalf("colour %d, opacity %d: %v, want %v", c, a, got, want)
			}
		}
	}
}

// Parts of larger pictures have their origin elsewhere; each type must read
// from it. The types are compared with what Go's own conversion says of them,
// exactly or, where Pillow rounds otherwise, within 1.
func TestFlattenTypesAndOrigins(t *testing.T) {
	bounds := image.Rect(3, 5, 12, 11)
	part := image.Rect(5, 6, 11, 10)
	palette := color.Palette{color.RGBA{9, 8, 7, 255}, color.NRGBA{200, 100, 50, 128}, color.Gray{77}}
	for name, img := range map[string]interface {
		image.Image
		SubImage(image.Rectangle) image.Image
		Set(x, y int, c color.Color)
	}{
		"NRGBA": image.NewNRGBA(bounds), "RGBA": image.NewRGBA(bounds), "NRGBA64": image.NewNRGBA64(bounds),
		"RGBA64": image.NewRGBA64(bounds), "Gray": image.NewGray(bounds), "CMYK": image.NewCMYK(bounds),
		"Paletted": image.NewPaletted(bounds, palette), "Alpha": image.NewAlpha(bounds),
	} {
		for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
			for x := bounds.Min.X; x < bounds.Max.X; x++ {
				img.Set(x, y, color.NRGBA{uint8(20 * x), uint8(20 * y), uint8(x * y), uint8(255 - 10*x)})
			}
		}
		sub := img.SubImage(part)
		got := flatten(sub)
		if got.Rect != image.Rect(0, 0, part.Dx(), part.Dy()) || !got.Opaque() {
			t.Errorf("%s: is %v, opaque %v", name, got.Rect, got.Opaque())
		}
		for y := range part.Dy() {
			for x := range part.Dx() {
				r, g, b, a := sub.At(part.Min.X+x, part.Min.Y+y).RGBA() // colours with alpha multiplied in
				c := got.RGBAAt(x, y)
				for k, pair := range [3][2]uint32{{r, uint32(c.R)}, {g, uint32(c.G)}, {b, uint32(c.B)}} {
					want := int(pair[0]+0xffff-a) / 257
					if d := int(pair[1]) - want; d < -1 || d > 1 {
						t.Errorf("%s at %d,%d, channel %d: %d, want %d", name, x, y, k, pair[1], want)
					}
				}
			}
		}
	}
}
