package main

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"path/filepath"
	"strings"
	"testing"
)

// picture returns a white PNG.
func picture(t *testing.T, width, height int) string {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestImage(t *testing.T) {
	var got sight
	okJSON(t, &got, picture(t, 300, 99), "image", "--json", "--ctx", "1000", "-")
	want := sight{ // pocket sees 256 pixels in patches of 16: 256 by 84.48, of which 6 rows
		Image: "-", Model: "pocket", Width: 300, Height: 99, SeenWidth: 256, SeenHeight: 96, Patch: 16,
		Cols: 16, Rows: 6, Patches: 96, Tokens: 102, Context: 1000, ContextShare: 0.102,
	}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	text := ok(t, picture(t, 300, 99), "image", "-").out
	for _, fact := range []string{"300 x 99 pixels", "256 x 96 pixels by pocket", "16 columns x 6 rows", "96 patches", "tokens   102", "1.2 % of 8192"} {
		if !strings.Contains(text, fact) {
			t.Errorf("no %q in\n%s", fact, text)
		}
	}
}

func TestImageOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seen.png")
	ok(t, picture(t, 48, 32), "image", "--out", path, "-")
	img, err := png.Decode(strings.NewReader(read(t, path)))
	if err != nil {
		t.Fatal(err)
	}
	if size := img.Bounds().Size(); size != (image.Point{48, 32}) {
		t.Errorf("the picture is %v", size)
	}
	white := func(x, y int) bool { return color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y == 255 }
	if !white(5, 5) || white(16, 5) || white(5, 16) || !white(17, 17) {
		t.Error("the grid is not between the patches")
	}
}
