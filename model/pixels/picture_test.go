package pixels

import (
	"image"
	"image/color"
	"testing"
)

// Undoing the normalisation of a picture of whole patches gives it back.
func TestPictureRoundTrip(t *testing.T) {
	img := noise(48, 32)
	p, err := Preprocess(img, 16, 1024)
	if err != nil {
		t.Fatal(err)
	}
	got := p.Picture()
	if got.Rect != img.Rect {
		t.Fatalf("is %v, want %v", got.Rect, img.Rect)
	}
	for i, v := range img.Pix {
		if got.Pix[i] != v {
			t.Fatalf("byte %d is %d, want %d", i, got.Pix[i], v)
		}
	}
}

// What the cubic shoots beyond black and white is clamped for the eye only.
func TestPictureClamps(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 8, 8))
	for i := range img.Pix {
		if i%8 >= 4 {
			img.Pix[i] = 255
		}
	}
	p, err := Preprocess(img, 16, 1024)
	if err != nil {
		t.Fatal(err)
	}
	black, white := -mean[0]/std[0], (1-mean[0])/std[0]
	below, above := false, false
	for i, v := range p.Pixels[:256] {
		below, above = below || v < black-0.01, above || v > white+0.01
		want := uint8(0)
		if i%16 >= 8 {
			want = 255
		}
		if c := p.Picture().Pix[4*i]; (v < black || v > white) && c != want {
			t.Errorf("value %g shows as %d, want %d", v, c, want)
		}
	}
	if !below || !above {
		t.Error("the edge does not overshoot, so nothing was clamped")
	}
}

// Lines stand between patches, not on the border, and differ from black,
// white and middle grey.
func TestDrawGrid(t *testing.T) {
	for _, ground := range []uint8{0, 60, 127, 128, 200, 255} {
		img := image.NewGray(image.Rect(2, 3, 2+48, 3+32))
		for i := range img.Pix {
			img.Pix[i] = ground
		}
		got := DrawGrid(img, 16)
		if got.Rect != image.Rect(0, 0, 48, 32) {
			t.Fatalf("is %v", got.Rect)
		}
		for y := range 32 {
			for x := range 48 {
				c := got.NRGBAAt(x, y)
				onLine := x == 16 || x == 32 || y == 16
				d := int(c.R) - int(ground)
				if onLine && max(d, -d) < 70 || !onLine && c != (color.NRGBA{ground, ground, ground, 255}) {
					t.Fatalf("ground %d, at %d,%d: %v", ground, x, y, c)
				}
			}
		}
	}
	if got := DrawGrid(noise(5, 5), 0); got.Rect.Dx() != 5 {
		t.Error("no patches, no lines, but still a copy")
	}
}
