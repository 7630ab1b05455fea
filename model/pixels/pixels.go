// Package pixels turns image files into what Pixtral's vision encoder takes:
// decoded, laid on white, resized to whole patches and normalised, exactly as
// mistral-common does it (mistral_common/tokens/tokenizers/image.py with
// Pillow and OpenCV). Where Go's decoders leave a choice, such as how the
// colour of a JPEG is interpolated, the choice is Pillow's.
package pixels

import (
	"errors"
	"fmt"
	"image"
	"io"
	"strings"
)

// DefaultMaxPixels bounds an image's width times height when Options does not:
// 2^27, 512 MiB once decoded and enough for a camera of 108 megapixels. Pillow
// begins to warn at two thirds of it.
const DefaultMaxPixels = 1 << 27

// Orientation says what to do with an image's EXIF orientation tag.
type Orientation int

const (
	// Apply turns the picture upright, as every viewer shows it.
	Apply Orientation = iota
	// Ignore leaves the pixels as they are stored, as mistral-common does. A
	// TIFF is turned all the same, because Pillow itself turns it.
	Ignore
)

// Options of Decode; the zero value is right for pictures from people.
type Options struct {
	MaxPixels   int // refuse larger images before decoding; 0 is DefaultMaxPixels
	Orientation Orientation
}

// Decode reads a JPEG, PNG, GIF, WebP, BMP or TIFF file, of an animation or a
// document the first frame. The result is opaque: transparency is laid on
// white by Pillow's integer arithmetic: t = 255*(255-a) + c*a + 128,
// out = (t + t>>8) >> 8.
//
// Size is checked in the header before any pixel is decoded; memory stays
// within about 30 bytes a pixel, most of it for progressive JPEG. Errors name the format and what is wrong.
func Decode(data []byte, o Options) (*image.RGBA, error) {
	format, err := sniff(data)
	if err != nil {
		return nil, fmt.Errorf("pixels: %w", err)
	}
	img, err := decode(format, data, o)
	if err != nil {
		return nil, fmt.Errorf("pixels: %s: %w", format.name, err)
	}
	return img, nil
}

func decode(f format, data []byte, o Options) (*image.RGBA, error) {
	config, err := f.config(data)
	if err != nil {
		return nil, readable(err)
	}
	if err := checkSize(config.Width, config.Height, o.MaxPixels); err != nil {
		return nil, err
	}
	img, err := f.decode(data)
	if err != nil {
		return nil, readable(err)
	}
	if size := img.Bounds().Size(); size.X != config.Width || size.Y != config.Height {
		return nil, fmt.Errorf("the header says %dx%d pixels, the picture has %dx%d; the file is corrupt", config.Width, config.Height, size.X, size.Y)
	}
	if o.Orientation == Apply || f.name == "TIFF" {
		img = orient(img, orientation(f.exif(data)))
	}
	return img, nil
}

// checkSize refuses empty images and those of more than limit pixels.
func checkSize(width, height, limit int) error {
	if limit == 0 {
		limit = DefaultMaxPixels
	}
	if width <= 0 || height <= 0 {
		return fmt.Errorf("the image is empty: %dx%d pixels", width, height)
	}
	if width > limit/height { // width*height > limit, without overflow
		return fmt.Errorf("%dx%d pixels are more than the limit of %d; scale the image down, the model sees at most 1024 pixels a side", width, height, limit)
	}
	return nil
}

// readable rewords what decoders say of a file that ends early, for which each
// has its own words, and says what to do about features they lack.
func readable(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the file is truncated; get it again")
	}
	for _, words := range []string{"short Huffman data", "not enough pixel data", "not enough image data"} {
		if strings.Contains(err.Error(), words) {
			return fmt.Errorf("the file is truncated or corrupt; get it again (%w)", err)
		}
	}
	if strings.Contains(err.Error(), "unsupported") { // of the x/image and image decoders, each its own type
		return fmt.Errorf("%w; save it as PNG or JPEG", err)
	}
	return err
}
