package pixels

import (
	"bytes"
	"image"

	"golang.org/x/image/webp"
)

func configWebP(data []byte) (image.Config, error) {
	return webp.DecodeConfig(bytes.NewReader(data))
}

func decodeWebP(data []byte) (*image.RGBA, error) {
	img, err := webp.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return flatten(img), nil
}

// exifWebP returns the EXIF chunk of an extended WebP file.
func exifWebP(data []byte) []byte {
	return nil
}
