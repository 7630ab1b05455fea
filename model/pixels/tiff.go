package pixels

import (
	"bytes"
	"image"

	"golang.org/x/image/tiff"
)

func decodeTIFF(data []byte) (*image.RGBA, error) {
	img, err := tiff.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if gray, ok := img.(*image.Gray); ok && faxInverted(data) {
		for i, v := range gray.Pix {
			gray.Pix[i] = 255 - v
		}
	}
	return flatten(img), nil
}

// faxInverted reports whether the file holds fax runs (CCITT group 3 or 4) and
// says that 0 is black. libtiff, and so Pillow, keeps white runs as 0 even
// then; x/image/tiff makes them 1.
func faxInverted(data []byte) bool {
	const blackIsZero = 1
	compression := tiffTag(data, tagCompression)
	return (compression == 3 || compression == 4) && tiffTag(data, tagPhotometric) == blackIsZero
}

// exifTIFF: a TIFF file is its own EXIF block.
func exifTIFF(data []byte) []byte { return data }
