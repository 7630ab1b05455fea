package pixels

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// format is one kind of file this package reads.
type format struct {
	name   string
	magic  string // first bytes; '?' stands for any byte
	config func(data []byte) (image.Config, error)
	decode func(data []byte) (*image.RGBA, error)
	exif   func(data []byte) []byte // the EXIF block, a small TIFF file; nil without
}

var formats = []format{
	{"JPEG", "\xff\xd8\xff", config(jpeg.DecodeConfig), decodeJPEG, exifJPEG},
	{"PNG", "\x89PNG\r\n\x1a\n", config(png.DecodeConfig), decodePNG, exifPNG},
	{"GIF", "GIF8?a", config(gif.DecodeConfig), decodeGIF, exifNone},
	{"WebP", "RIFF????WEBP", configWebP, decodeWebP, exifWebP},
	{"BMP", "BM", config(bmp.DecodeConfig), decodeBMP, exifNone},
	{"TIFF", "II*\x00", config(tiff.DecodeConfig), decodeTIFF, exifTIFF},
	{"TIFF", "MM\x00*", config(tiff.DecodeConfig), decodeTIFF, exifTIFF},
}

// foreign are formats people try, named so that the error can say what came.
var foreign = []struct{ name, magic string }{
	{"a PDF", "%PDF"},
	{"an AVIF picture", "????ftypavif"},
	{"a HEIC picture", "????ftyphei"},
	{"a HEIC picture", "????ftypmif1"},
	{"a video", "????ftyp"},
	{"a JPEG XL picture", "\xff\x0a"},
	{"a JPEG XL picture", "\x00\x00\x00\x0cJXL "},
	{"a JPEG 2000 picture", "\x00\x00\x00\x0cjP  "},
	{"a web page", "<!"},
	{"a web page", "<html"},
	{"an SVG drawing", "<svg"},
	{"an SVG drawing or other XML", "<?xml"},
	{"a Photoshop file", "8BPS"},
	{"an icon", "\x00\x00\x01\x00"},
	{"a big TIFF", "II+\x00"},
	{"a big TIFF", "MM\x00+"},
	{"a gzip file", "\x1f\x8b"},
	{"a zip archive", "PK\x03\x04"},
	{"JSON", "{"},
}

func config(read func(io.Reader) (image.Config, error)) func([]byte) (image.Config, error) {
	return func(data []byte) (image.Config, error) { return read(bytes.NewReader(data)) }
}

// sniff tells the format by the first bytes, never by a file name.
func sniff(data []byte) (format, error) {
	const readable = "not an image this program reads (JPEG, PNG, GIF, WebP, BMP, TIFF)"
	if len(data) == 0 {
		return format{}, errors.New(readable + ": it is empty")
	}
	for _, f := range formats {
		if matches(data, f.magic) {
			return f, nil
		}
	}
	first := data[:min(len(data), 8)]
	for _, f := range foreign {
		if matches(data, f.magic) {
			return format{}, fmt.Errorf("%s: first bytes % x look like %s; convert it to PNG or JPEG", readable, first, f.name)
		}
	}
	return format{}, fmt.Errorf("%s: first bytes are % x; convert it to PNG or JPEG", readable, first)
}

func matches(data []byte, magic string) bool {
	if len(data) < len(magic) {
		return false
	}
	for i := range len(magic) {
		if magic[i] != '?' && magic[i] != data[i] {
			return false
		}
	}
	return true
}
