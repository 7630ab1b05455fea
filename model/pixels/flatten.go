package pixels

import (
	"image"
	"image/color"
)

// flatten returns img as opaque RGB, its origin at 0,0, by the arithmetic of
// Pillow's convert("RGBA"), a paste over white, and convert("RGB")
// (mistral_common image.py, _convert_to_rgb). The types are those that Go's
// decoders return; others go through their 16-bit colours.
func flatten(img image.Image) *image.RGBA {
	bounds := img.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, bounds.Dx(), bounds.Dy()))
	read := reader(img)
	for y := range bounds.Dy() {
		row := out.Pix[y*out.Stride : y*out.Stride+4*bounds.Dx()]
		read(row, y)
		layOnWhite(row)
	}
	return out
}

// reader returns a function that fills a row with RGBA, alpha not multiplied
// in, from row y of img counted from the top of its bounds.
func reader(img image.Image) func(row []byte, y int) {
	origin := img.Bounds().Min
	switch img := img.(type) {
	case *image.NRGBA:
		return func(row []byte, y int) { copy(row, img.Pix[img.PixOffset(origin.X, origin.Y+y):]) }
	case *image.RGBA:
		return func(row []byte, y int) { unmultiply(row, img.Pix[img.PixOffset(origin.X, origin.Y+y):]) }
	case *image.NRGBA64:
		return func(row []byte, y int) { highBytes(row, img.Pix[img.PixOffset(origin.X, origin.Y+y):]) }
	case *image.RGBA64:
		return func(row []byte, y int) {
			highBytes(row, img.Pix[img.PixOffset(origin.X, origin.Y+y):])
			unmultiply(row, row)
		}
	case *image.Gray:
		return func(row []byte, y int) {
			src := img.Pix[img.PixOffset(origin.X, origin.Y+y):]
			for i := 0; i < len(row); i += 4 {
				v := src[i/4]
				row[i], row[i+1], row[i+2], row[i+3] = v, v, v, 255
			}
		}
	case *image.Gray16:
		return func(row []byte, y int) { clipGray16(row, img.Pix[img.PixOffset(origin.X, origin.Y+y):]) }
	case *image.CMYK:
		return func(row []byte, y int) { fromCMYK(row, img.Pix[img.PixOffset(origin.X, origin.Y+y):]) }
	case *image.Paletted:
		palette := straight(img.Palette)
		return func(row []byte, y int) {
			src := img.Pix[img.PixOffset(origin.X, origin.Y+y):]
			for i := 0; i < len(row); i += 4 {
				c := palette[src[i/4]]
				row[i], row[i+1], row[i+2], row[i+3] = c.R, c.G, c.B, c.A
			}
		}
	}
	return func(row []byte, y int) {
		for i := 0; i < len(row); i += 4 {
			c := color.NRGBA64Model.Convert(img.At(origin.X+i/4, origin.Y+y)).(color.NRGBA64)
			row[i], row[i+1], row[i+2], row[i+3] = uint8(c.R>>8), uint8(c.G>>8), uint8(c.B>>8), uint8(c.A>>8)
		}
	}
}

// layOnWhite replaces a row of RGBA by what shows of it over white.
func layOnWhite(row []byte) {
	for i := 0; i < len(row); i += 4 {
		if a := row[i+3]; a != 255 {
			row[i], row[i+1], row[i+2], row[i+3] = onWhite(row[i], a), onWhite(row[i+1], a), onWhite(row[i+2], a), 255
		}
	}
}

// onWhite lays a colour value of opacity a over white: Pillow's BLEND macro,
// whose division by 255 rounds to nearest (src/libImaging/ImagingUtils.h).
func onWhite(c, a uint8) uint8 {
	t := 255*(255-uint32(a)) + uint32(c)*uint32(a) + 128
	return uint8((t>>8 + t) >> 8)
}

// unmultiply takes alpha out of colours that carry it, as Pillow's RGBa does:
// rounded down, and at most 255.
func unmultiply(row, src []byte) {
	for i := 0; i < len(row); i += 4 {
		a := src[i+3]
		for k := range 3 {
			c := src[i+k]
			if a != 0 && a != 255 {
				c = uint8(min(255*int(c)/int(a), 255))
			}
			row[i+k] = c
		}
		row[i+3] = a
	}
}

// highBytes narrows 16-bit channels as Pillow does, dropping the low byte.
func highBytes(row, src []byte) {
	for i := range row {
		row[i] = src[2*i]
	}
}

// clipGray16 narrows 16-bit grey as Pillow's convert from I;16 does: not
// scaled but clipped, so that all above 255 is white. It looks wrong, and is
// what mistral-common feeds the model.
func clipGray16(row, src []byte) {
	for i := 0; i < len(row); i += 4 {
		v := src[i/2+1]
		if src[i/2] != 0 {
			v = 255
		}
		row[i], row[i+1], row[i+2], row[i+3] = v, v, v, 255
	}
}

// fromCMYK is Pillow's cmyk2rgb (src/libImaging/Convert.c): ink takes its part
// of what black leaves.
func fromCMYK(row, src []byte) {
	for i := 0; i < len(row); i += 4 {
		left := 255 - int(src[i+3])
		for k := range 3 {
			t := int(src[i+k])*left + 128
			row[i+k] = uint8(max(left-(t>>8+t)>>8, 0))
		}
		row[i+3] = 255
	}
}

// straight returns a palette with alpha not multiplied in, filled up with
// black to all 256 indices.
func straight(palette color.Palette) (out [256]color.NRGBA) {
	for i := range out {
		out[i].A = 255
		if i < len(palette) {
			out[i] = color.NRGBAModel.Convert(palette[i]).(color.NRGBA)
		}
	}
	return out
}
