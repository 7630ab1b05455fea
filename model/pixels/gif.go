package pixels

import (
	"bytes"
	"image"
	"image/gif"
)

func decodeGIF(data []byte) (*image.RGBA, error) {
	img, err := gif.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return flatten(img), nil
}
