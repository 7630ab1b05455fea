package pixels

import (
	"bytes"
	"encoding/binary"
	"image"

	"golang.org/x/image/bmp"
)

// decodeBMP reads a BMP. Its fourth channel counts as alpha only where the
// header gives it a mask, as in Pillow.
func decodeBMP(data []byte) (*image.RGBA, error) {
	img, err := bmp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	const masks = 3                                     // BI_BITFIELDS
	if binary.LittleEndian.Uint32(data[30:]) != masks { // the decoder has read the header
		img = opaque(img)
	}
	return flatten(img), nil
}
