package pixels

import (
	"image"
	"image/color"
)

// flatten returns img as opaque RGB, its origin at 0,0, by the arithmetic of
// Pillow's convert("RGBA"), a paste over white, and convert("RGB")
// (mistral_common image.py, _convert_to_rgb).
func flatten(img image.Image) *image.RGBA {
	bounds := img.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, bounds.Dx(), bounds.Dy()))
	for y := range bounds.Dy() {
		row := out.Pix[y*out.Stride : y*out.Stride+4*bounds.Dx()]
		flattenRow(row, img, y)
	}
	return out
}

// flattenRow fills one row of opaque RGBA from row y of img, counted from the
// top of its bounds.
func flattenRow(row []byte, img image.Image, y int) {
	min := img.Bounds().Min
	for i := 0; i < len(row); i += 4 {
		x := min.X + i/4
		var r, g, b, a uint8
		switch img := img.(type) {
		default:
			c := color.NRGBA64Model.Convert(img.At(x, min.Y+y)).(color.NRGBA64)
			r, g, b, a = uint8(c.R>>8), uint8(c.G>>8), uint8(c.B>>8), uint8(c.A>>8)
		}
		row[i], row[i+1], row[i+2], row[i+3] = onWhite(r, a), onWhite(g, a), onWhite(b, a), 255
	}
}

// onWhite lays a colour value of opacity a over white: Pillow's BLEND macro
// with its division by 255 that rounds to nearest.
func onWhite(c, a uint8) uint8 {
	t := 255*(255-uint32(a)) + uint32(c)*uint32(a) + 128
	return uint8((t>>8 + t) >> 8)
}
