package pixels

import (
	"bytes"
	"testing"
)

// One picture, stored in each of the eight orientations and in each kind of
// file that can say so, is the same picture.
func TestDecodeAppliesOrientation(t *testing.T) {
	upright, err := Decode(readImage(t, "rgb.png"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, tolerance := range map[string]int{ // of the mean difference
		"exif1.png": 0, "exif2.png": 0, "exif3.png": 0, "exif4.png": 0,
		"exif5.png": 0, "exif6.png": 0, "exif7.png": 0, "exif8.png": 0,
		"exif6.tif": 0, "exif6.jpg": 12, "exif6.webp": 12, // lossy, and colour at half size; turned wrongly it is 59 or more
	} {
		img, err := Decode(readImage(t, name), Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if img.Rect != upright.Rect {
			t.Errorf("%s: is %v, want %v", name, img.Rect, upright.Rect)
			continue
		}
		sum := 0
		for i, v := range upright.Pix {
			d := int(img.Pix[i]) - int(v)
			sum += max(d, -d)
		}
		if sum > tolerance*len(upright.Pix) {
			t.Errorf("%s: differs by %d on average", name, sum/len(upright.Pix))
		}
	}
}

// For parity the pixels stay as stored, but for TIFF, which Pillow turns.
func TestDecodeIgnoresOrientation(t *testing.T) {
	for name, width := range map[string]int{"exif6.jpg": 23, "exif6.png": 23, "exif6.webp": 23, "exif6.tif": 37} {
		img, err := Decode(readImage(t, name), Options{Orientation: Ignore})
		if err != nil || img.Rect.Dx() != width {
			t.Errorf("%s: %v, %v, want a width of %d", name, img.Rect, err, width)
		}
	}
}

func TestOrientationOfDamagedBlocks(t *testing.T) {
	good := "MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"
	for _, c := range []struct {
		block string
		want  int
	}{
		{good, 6},
		{"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x08\x00\x00\x00", 8},
		{"", 1},
		{good[:7], 1},
		{good[:9], 1},
		{good[:len(good)-1], 1},
		{"XX" + good[2:], 1},
		{good[:4] + "\xff\xff\xff\xff" + good[8:], 1},     // the directory lies outside
		{good[:8] + "\xff\xff" + good[10:20] + "\x00", 1}, // more entries than there are
		{good[:18] + "\x00\x09\x00\x00", 1},               // orientations end at 8
		{good[:18] + "\x00\x00\x00\x00", 1},
		{good[:12] + "\x00\x04" + good[14:], 1}, // a long, which the tag may not be
	} {
		if got := orientation([]byte(c.block)); got != c.want {
			t.Errorf("%q: %d, want %d", c.block, got, c.want)
		}
	}
}

// A damaged note must not lose the picture, wherever the file is cut or bent.
func TestDecodeSurvivesDamagedEXIF(t *testing.T) {
	for _, name := range []string{"exif6.jpg", "exif6.webp"} { // a PNG's check sum would refuse it
		data := readImage(t, name)
		at := bytes.Index(data, []byte("MM\x00*"))
		if at < 0 {
			t.Fatalf("%s: no EXIF block", name)
		}
		for i := range 20 {
			bent := bytes.Clone(data)
			bent[at+i] ^= 0xff
			if _, err := Decode(bent, Options{}); err != nil {
				t.Errorf("%s, byte %d: %v", name, i, err)
			}
		}
	}
}
