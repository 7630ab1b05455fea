package pixels

import (
	"image"
	"image/draw"
	"math"
)

// Picture returns what the model sees as an ordinary picture: normalisation
// undone, values rounded and clamped to 0..255.
func (p *Patches) Picture() *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, p.Width, p.Height))
	plane := p.Width * p.Height
	for i := range plane {
		for c := range 3 {
			v := (p.Pixels[c*plane+i]*std[c] + mean[c]) * 255
			img.Pix[4*i+c] = uint8(min(max(math.RoundToEven(float64(v)), 0), 255))
		}
		img.Pix[4*i+3] = 255
	}
	return img
}

// DrawGrid returns a copy of img with thin lines between its patches, patch
// pixels apart. Each line pixel moves towards white on dark ground and towards
// black on light ground, so that the lines show on both.
func DrawGrid(img image.Image, patch int) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, img.Bounds().Dx(), img.Bounds().Dy()))
	draw.Draw(out, out.Rect, img, img.Bounds().Min, draw.Src)
	if patch <= 0 {
		return out
	}
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			if x%patch == 0 && x > 0 || y%patch == 0 && y > 0 {
				contrast(out.Pix[out.PixOffset(x, y):][:3])
			}
		}
	}
	return out
}

// contrast moves a colour by three fifths of the way to the far end of grey.
func contrast(rgb []uint8) {
	luma := (299*int(rgb[0]) + 587*int(rgb[1]) + 114*int(rgb[2])) / 1000 // ITU-R BT.601
	target := 0
	if luma < 128 {
		target = 255
	}
	for i, v := range rgb {
		rgb[i] = uint8((2*int(v) + 3*target) / 5)
	}
}
