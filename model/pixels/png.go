package pixels

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/png"
)

func decodePNG(data []byte) (*image.RGBA, error) {
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if keyIgnored(data) {
		img = opaque(img)
	}
	return flatten(img), nil
}

// keyIgnored reports whether a PNG marks one colour as transparent (tRNS) in a
// way that Pillow does not see: in true colour, because mistral-common leaves
// mode RGB alone; in grey of two or four bits, because Pillow compares the key
// with values it has already scaled to 0..255, and only 0 stays what it was.
func keyIgnored(data []byte) bool {
	const (
		gray      = 0
		trueColor = 2
	)
	depth, colour := data[24], data[25] // IHDR comes first; the decoder has checked it
	switch {
	case colour == trueColor:
		return true
	case colour == gray && (depth == 2 || depth == 4):
		key := pngChunk(data, "tRNS")
		return len(key) == 2 && binary.BigEndian.Uint16(key) != 0
	}
	return false
}

// opaque returns img with every alpha at its largest.
func opaque(img image.Image) image.Image {
	switch img := img.(type) {
	case *image.NRGBA:
		for i := 3; i < len(img.Pix); i += 4 {
			img.Pix[i] = 255
		}
	case *image.NRGBA64:
		for i := 6; i < len(img.Pix); i += 8 {
			img.Pix[i] = 255
			img.Pix[i+1] = 255
		}
	}
	return img
}

// pngChunk returns the body of the first chunk of a kind, nil without.
func pngChunk(data []byte, kind string) []byte {
	at := uint64(8)                  // past the signature
	for at+12 <= uint64(len(data)) { // length, kind, body, check sum
		end := at + 8 + uint64(binary.BigEndian.Uint32(data[at:]))
		if end+4 > uint64(len(data)) {
			return nil
		}
		if string(data[at+4:at+8]) == kind {
			return data[at+8 : end]
		}
		at = end + 4
	}
	return nil
}

// exifPNG: PNG, third edition, 11.3.4.1.
func exifPNG(data []byte) []byte { return pngChunk(data, "eXIf") }
