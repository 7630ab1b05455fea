package pixels

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"
)

func TestDecodeRefuses(t *testing.T) {
	jpeg := readImage(t, "420.jpg")
	for _, c := range []struct {
		why  string
		data []byte
		want string // part of the error
	}{
		{"nothing", nil, "it is empty"},
		{"a PDF", []byte("%PDF-1.7 ..."), "not an image this program reads (JPEG, PNG, GIF, WebP, BMP, TIFF): first bytes 25 50 44 46 2d 31 2e 37 look like a PDF"},
		{"HEIC", []byte("\x00\x00\x00\x18ftypheic\x00\x00"), "look like a HEIC picture"},
		{"AVIF", []byte("\x00\x00\x00\x18ftypavif\x00\x00"), "look like an AVIF picture"},
		{"SVG", []byte("<svg xmlns=''/>"), "look like an SVG drawing"},
		{"one byte", []byte{7}, "first bytes are 07"},
		{"RIFF, but sound", []byte("RIFF\x24\x00\x00\x00WAVEfmt "), "first bytes are 52 49 46 46"},
		{"JPEG, cut in the header", jpeg[:10], "JPEG: the file is truncated"},
		{"JPEG, cut in the picture", jpeg[:len(jpeg)-200], "JPEG: the file is truncated"},
		{"PNG, cut", readImage(t, "rgba.png")[:500], "PNG: the file is truncated"},
		{"GIF, cut", readImage(t, "palette.gif")[:300], "GIF: "},
		{"WebP, cut", readImage(t, "lossy.webp")[:300], "WebP: the file is truncated"},
		{"WebP animation, cut", readImage(t, "animated.webp")[:300], "WebP: "},
		{"WebP without chunks", []byte("RIFF\x04\x00\x00\x00WEBP"), "WebP: "},
		{"BMP, cut", readImage(t, "rgb.bmp")[:300], "BMP: the file is truncated"},
		{"TIFF, cut", readImage(t, "rgb.tif")[:300], "TIFF: "},
		{"PNG of no pixels", pngHeader(0, 5), "PNG: "},
		{"PNG bomb", pngHeader(60000, 60000), "PNG: 60000x60000 pixels are more than the limit of 134217728"},
		{"PNG of the largest sides", pngHeader(1<<31-1, 1<<31-1), "PNG: "},
		{"PNG that promises and does not hold", pngHeader(11000, 11000), "PNG: the file is truncated"},
		{"JPEG bomb", patched(jpeg, sizeAt(t, jpeg), "\xff\xff\xff\xff"), "JPEG: 65535x65535 pixels are more than the limit"},
		{"GIF bomb", patched(readImage(t, "palette.gif"), 6, "\xff\xff\xff\xff"), "GIF: 65535x65535 pixels are more than the limit"},
		{"BMP bomb", patched(readImage(t, "rgb.bmp"), 18, "\x00\x00\x01\x00\x00\x00\x01\x00"), "BMP: 65536x65536 pixels are more than the limit"},
		{"WebP whose picture is larger than its canvas", patched(readImage(t, "lossy_alpha.webp"), 24, "\x01\x00\x00\x01\x00\x00"), "WebP: "},
		{"WebP animation whose frame leaves the canvas", patched(readImage(t, "animated.webp"), frameAt(t), "\x09\x00\x00"), "outside of the canvas"},
	} {
		img, err := Decode(c.data, Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v, want an error with %q", c.why, img, err, c.want)
		}
	}
}

// The limit is of pixels, not of sides, and the largest picture within it passes.
func TestDecodeMaxPixels(t *testing.T) {
	for _, name := range []string{"420.jpg", "rgb.png", "palette.gif", "lossy.webp", "animated.webp", "rgb.bmp", "rgb.tif"} {
		data := readImage(t, name)
		if _, err := Decode(data, Options{MaxPixels: 37 * 23}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, err := Decode(data, Options{MaxPixels: 37*23 - 1})
		if err == nil || !strings.Contains(err.Error(), "37x23 pixels are more than the limit of 850; scale the image down") {
			t.Errorf("%s: %v, want an error of size", name, err)
		}
	}
}

// patched returns data with other bytes at a place.
func patched(data []byte, at int, with string) []byte {
	data = bytes.Clone(data)
	copy(data[at:], with)
	return data
}

// sizeAt is the place of height and width in a JPEG: behind SOF0, its length
// and precision.
func sizeAt(t *testing.T, jpeg []byte) int {
	t.Helper()
	at := bytes.Index(jpeg, []byte{0xff, 0xc0})
	if at < 0 {
		t.Fatal("no SOF0")
	}
	return at + 5
}

// frameAt is the place of the first frame's offset in animated.webp.
func frameAt(t *testing.T) int {
	t.Helper()
	at := bytes.Index(readImage(t, "animated.webp"), []byte("ANMF"))
	if at < 0 {
		t.Fatal("no ANMF")
	}
	return at + 8
}

// pngHeader is a PNG that ends after its header.
func pngHeader(width, height uint32) []byte {
	ihdr := []byte("IHDR")
	ihdr = binary.BigEndian.AppendUint32(ihdr, width)
	ihdr = binary.BigEndian.AppendUint32(ihdr, height)
	ihdr = append(ihdr, 8, 2, 0, 0, 0)
	file := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d")
	file = append(file, ihdr...)
	return binary.BigEndian.AppendUint32(file, crc32.ChecksumIEEE(ihdr))
}

func FuzzDecode(f *testing.F) {
	for _, name := range []string{
		"420.jpg", "progressive.jpg", "cmyk.jpg", "exif6.jpg", "rgba.png", "palette_clear.png", "exif8.png", "gray16.png",
		"part_clear.gif", "animated.gif", "lossy_alpha.webp", "lossless_alpha.webp", "animated.webp", "exif6.webp",
		"rgba.bmp", "bilevel.bmp", "associated.tif", "group4.tif", "lzw.tif", "exif6.tif",
	} {
		f.Add(readImage(f, name))
	}
	f.Add(pngHeader(60000, 60000))
	f.Add([]byte("%PDF-1.7"))
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 16
		img, err := Decode(data, Options{MaxPixels: limit})
		if err != nil {
			return
		}
		if n := img.Rect.Dx() * img.Rect.Dy(); n <= 0 || n > limit || !img.Opaque() {
			t.Fatalf("%v passed, opaque %v", img.Rect, img.Opaque())
		}
		if p, err := Preprocess(img, 16, 64); err == nil && len(p.Pixels) != 3*p.Width*p.Height {
			t.Fatalf("%d values for %dx%d", len(p.Pixels), p.Width, p.Height)
		}
	})
}
