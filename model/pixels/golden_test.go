package pixels

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pixtral-wgpu/model/safetensors"
)

// testdata/golden.safetensors says what mistral-common, Pillow and OpenCV make
// of testdata/images; testdata/make_golden.py wrote both.
func golden(t *testing.T) *safetensors.File {
	t.Helper()
	f, err := safetensors.Open("testdata/golden.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func readImage(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/images", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// jpegTolerance is how far a colour of a JPEG may be from libjpeg's, in
// 1/255: both transforms are right within 1 for luma and chroma, and chroma
// counts up to 1.772-fold.
const jpegTolerance = 3

// Every file decodes to Pillow's bytes, JPEG within its tolerance.
func TestDecodeEqualsPillow(t *testing.T) {
	g := golden(t)
	compared := 0
	for _, name := range g.Names() {
		file, isRGB := strings.CutSuffix(name, "/rgb")
		if !isRGB {
			continue
		}
		compared++
		want, _ := g.Tensor(name)
		img, err := Decode(readImage(t, file), Options{Orientation: Ignore})
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if img.Rect.Dy() != want.Shape[0] || img.Rect.Dx() != want.Shape[1] {
			t.Errorf("%s: is %v, want %v", file, img.Rect, want.Shape)
			continue
		}
		tolerance := 0
		if strings.HasSuffix(file, ".jpg") {
			tolerance = jpegTolerance
		}
		differ, sum := 0, 0
		for i, w := range want.Data {
			d := int(img.Pix[i/3*4+i%3]) - int(w)
			if d < 0 {
				d = -d
			}
			if d > tolerance {
				differ++
			}
			sum += d
		}
		if differ > 0 {
			t.Errorf("%s: %d of %d values differ by more than %d", file, differ, len(want.Data), tolerance)
		}
		if mean := float64(sum) / float64(len(want.Data)); mean > 0.1 {
			t.Errorf("%s: differs by %.3f on average", file, mean)
		}
	}
	if compared < 60 {
		t.Errorf("compared only %d files", compared)
	}
}

// What the model is fed equals mistral-common's ImageEncoder.
func TestPreprocessEqualsMistralCommon(t *testing.T) {
	g := golden(t)
	compared := 0
	for _, name := range g.Names() {
		file, kind, _ := strings.Cut(name, "/")
		patch, side := 16, 1024
		switch kind {
		case "pixels":
		case "small":
			patch, side = 4, 24
		default:
			continue
		}
		compared++
		tensor, _ := g.Tensor(name)
		want, err := tensor.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		img, err := Decode(readImage(t, file), Options{Orientation: Ignore})
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		got, err := Preprocess(img, patch, side)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if got.Height != tensor.Shape[1] || got.Width != tensor.Shape[2] {
			t.Errorf("%s: is %dx%d, want %v", name, got.Width, got.Height, tensor.Shape)
			continue
		}
		tolerance := 1e-5 // OpenCV adds the taps in another order where it uses vector instructions
		if strings.HasSuffix(file, ".jpg") {
			tolerance = 0.06 // jpegTolerance, normalised, and the overshoot of the cubic
		}
		if worst := maxDiff(got.Pixels, want); worst > tolerance {
			t.Errorf("%s: differs by %g, want at most %g", name, worst, tolerance)
		}
	}
	if compared < 16 {
		t.Errorf("compared only %d files", compared)
	}
}

func maxDiff(a, b []float32) (worst float64) {
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		worst = max(worst, d, -d)
	}
	return worst
}
