package pixels

import "image"

// orient turns a picture stored in one of the eight EXIF orientations
// upright. 2 is mirrored left to right, 3 turned by 180 degrees, 4 mirrored
// top to bottom, 5 mirrored on the main diagonal, 6 needs a quarter turn to
// the right, 7 mirrored on the other diagonal, 8 needs a quarter turn to the
// left. 1 and unknown numbers return img itself.
func orient(img *image.RGBA, orientation int) *image.RGBA {
	if orientation < 2 || orientation > 8 {
		return img
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	if orientation >= 5 { // sides are exchanged
		w, h = h, w
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			sx, sy := x, y
			switch orientation {
			case 2:
				sx = w - 1 - x
			case 3:
				sx, sy = w-1-x, h-1-y
			case 4:
				sy = h - 1 - y
			case 5:
				sx, sy = y, x
			case 6:
				sx, sy = y, w-1-x
			case 7:
				sx, sy = h-1-y, w-1-x
			case 8:
				sx, sy = h-1-y, x
			}
			copy(out.Pix[y*out.Stride+4*x:][:4], img.Pix[sy*img.Stride+4*sx:][:4])
		}
	}
	return out
}
