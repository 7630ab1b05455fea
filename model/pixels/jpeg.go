package pixels

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
)

// decodeJPEG reads a JPEG. Colour is interpolated and converted exactly as
// libjpeg does for Pillow; image/jpeg's inverse cosine transform may still
// differ from libjpeg's by 1.
func decodeJPEG(data []byte) (*image.RGBA, error) {
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if ycc, ok := img.(*image.YCbCr); ok {
		return fromYCbCr(ycc), nil
	}
	return flatten(img), nil
}

// fromYCbCr converts a JPEG's planes to RGB: libjpeg-turbo jdcolor.c,
// ycc_rgb_convert, in its 16-bit fixed point.
func fromYCbCr(img *image.YCbCr) *image.RGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	cb, cr := newChroma(img, img.Cb), newChroma(img, img.Cr)
	for y := range h {
		luma := img.Y[y*img.YStride:][:w]
		u, v := cb.row(y)[:w], cr.row(y)[:w]
		row := out.Pix[y*out.Stride:][:4*w]
		for x, l := range luma {
			l, b, r := int32(l), int32(u[x])-128, int32(v[x])-128
			px := row[4*x:][:4]
			px[0] = clamp8(l + (91881*r+1<<15)>>16)          // 1.40200
			px[1] = clamp8(l + (-22554*b-46802*r+1<<15)>>16) // 0.34414, 0.71414
			px[2] = clamp8(l + (116130*b+1<<15)>>16)         // 1.77200
			px[3] = 255
		}
	}
	return out
}

func clamp8(v int32) uint8 { return uint8(min(max(v, 0), 255)) }

// exifJPEG returns what stands in the first APP1 segment marked "Exif".
func exifJPEG(data []byte) []byte {
	const (
		app1 = 0xe1
		sos  = 0xda // the picture begins; markers beyond it mean something else
	)
	at := 2 // past SOI
	for at+4 <= len(data) && data[at] == 0xff {
		kind := data[at+1]
		if kind == 0xff { // fill byte before a marker
			at++
			continue
		}
		end := at + 2 + int(binary.BigEndian.Uint16(data[at+2:]))
		if kind == sos || end > len(data) || end < at+4 {
			return nil
		}
		body := data[at+4 : end]
		if kind == app1 && len(body) > len(exifMark) && string(body[:len(exifMark)]) == exifMark {
			return body[len(exifMark):]
		}
		at = end
	}
	return nil
}
