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
	return flatten(img), nil
}

// exifTIFF: a TIFF file is its own EXIF block.
func exifTIFF(data []byte) []byte { return data }
