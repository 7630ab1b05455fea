package pixels

import (
	"image"
	"image/color"
	"math/rand/v2"
	"slices"
	"testing"
)

// The golden vector of spec section 5, computed with OpenCV: a 5x3 picture
// enlarged to one patch.
func TestResizeGoldenVector(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 5, 3))
	for y := range 3 {
		for x := range 5 {
			img.Set(x, y, color.RGBA{uint8((50*x + 7*y) % 256), uint8((255 - 40*x + 11*y) % 256), uint8((13*x*x + 90*y) % 256), 255})
		}
	}
	raw := resize(img, 16, 16)
	rawRed := []float32{raw[0], raw[3], raw[6], raw[45]}
	if want := []float32{-6.303429, -1.851677, 10.073068, 204.799640}; maxDiff(rawRed, want) > 3e-5 {
		t.Errorf("red before normalisation is %v, want %v", rawRed, want)
	}
	p, err := Preprocess(img, 16, 1024)
	if err != nil {
		t.Fatal(err)
	}
	var blueColumn []float32
	for y := range 16 {
		blueColumn = append(blueColumn, p.Pixels[2*256+16*y+15])
	}
	for _, c := range []struct {
		name      string
		got, want []float32
	}{
		{"red, row 0", p.Pixels[:16], []float32{-1.884283, -1.819294, -1.645212, -1.439999, -1.171302, -0.878564, -0.691227, -0.490526, -0.196267, 0.004434, 0.191771, 0.484509, 0.753207, 0.958419, 1.132501, 1.197490}},
		{"green, row 7", p.Pixels[256+7*16:][:16], []float32{-1.657593, -1.395136, -0.540808, 0.517768, 1.426680, 1.812618, 1.613881, 1.193007, 0.896183, 0.731120, 0.577048, 0.336291, 0.115306, -0.053468, -0.196639, -0.250087}},
		{"blue, column 15", blueColumn, []float32{1.918201, 1.898078, 1.682042, 1.225873, 0.621644, -0.025371, -0.610546, -1.029255, -1.174331, -1.008372, -0.634985, -0.169482, 0.272826, 0.577546, 0.709134, 0.721390}},
	} {
		if worst := maxDiff(c.got, c.want); worst > 5e-6 { // OpenCV's own builds differ by 3e-4/255
			t.Errorf("%s differs by %g:\n%v, want\n%v", c.name, worst, c.got, c.want)
		}
	}
}

// Cubic weights add up to one: even grey stays even, at any scale.
func TestPreprocessUniformGray(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {5, 3}, {37, 23}, {16, 16}, {1500, 30}} {
		img := image.NewGray(image.Rect(0, 0, size[0], size[1]))
		for i := range img.Pix {
			img.Pix[i] = 128
		}
		p, err := Preprocess(img, 16, 1024)
		if err != nil {
			t.Fatal(err)
		}
		plane := p.Width * p.Height
		for i, v := range p.Pixels {
			want := (128./255 - float64(mean[i/plane])) / float64(std[i/plane])
			if d := float64(v) - want; d > 2e-6 || d < -2e-6 {
				t.Fatalf("%v: value %d is %g, want %g", size, i, v, want)
			}
		}
	}
}

// A picture of whole patches is not resampled.
func TestResizeSameSizeCopies(t *testing.T) {
	img := noise(32, 48)
	got := resize(img, 32, 48)
	for i, v := range got {
		if v != float32(img.Pix[i/3*4+i%3]) {
			t.Fatalf("value %d is %g, want %d", i, v, img.Pix[i/3*4+i%3])
		}
	}
}

// Rows are resized once each and kept; this does it without keeping any.
func TestResizeEqualsPlainLoop(t *testing.T) {
	for _, c := range []struct{ w, h, width, height int }{
		{37, 23, 48, 32},   // enlarged a little: rows are shared
		{100, 90, 16, 16},  // shrunk: most rows are skipped
		{3, 200, 16, 64},   // both at once
		{1, 1, 16, 16},     // all taps at one sample
		{64, 50, 64, 64},   // one axis as it is
		{201, 301, 32, 48}, // shrunk by an odd ratio
	} {
		img := noise(c.w, c.h)
		got := resize(img, c.width, c.height)
		xs, ys := cubicTaps(c.w, c.width), cubicTaps(c.h, c.height)
		for i, v := range got {
			x, y, k := i/3%c.width, i/3/c.width, i%3
			want := 0.0
			for a, sy := range ys.index[y] {
				for b, sx := range xs.index[x] {
					want += float64(ys.weight[y][a]) * float64(xs.weight[x][b]) * float64(img.Pix[img.PixOffset(sx, sy)+k])
				}
			}
			if d := float64(v) - want; d > 2e-4 || d < -2e-4 { // float32 at 255
				t.Fatalf("%v: value %d is %g, want %g", c, i, v, want)
			}
		}
	}
}

func TestHashTellsPicturesApart(t *testing.T) {
	pictures := []image.Image{noise(32, 16), noise(16, 32), image.NewGray(image.Rect(0, 0, 16, 32)), image.NewGray(image.Rect(0, 0, 32, 16))}
	var seen [][32]byte
	for _, img := range pictures {
		a, err := Preprocess(img, 16, 1024)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Preprocess(img, 16, 1024)
		if err != nil {
			t.Fatal(err)
		}
		if a.Hash != b.Hash {
			t.Error("one picture has two hashes")
		}
		if slices.Contains(seen, a.Hash) {
			t.Error("two pictures have one hash")
		}
		seen = append(seen, a.Hash)
	}
}

// noise is an opaque picture without any smoothness, the same each time.
func noise(w, h int) *image.RGBA {
	rng := rand.New(rand.NewPCG(uint64(w), uint64(h)))
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = uint8(rng.Uint32())
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	return img
}

func BenchmarkPreprocess4000x3000(b *testing.B) {
	img := noise(4000, 3000)
	for b.Loop() {
		if _, err := Preprocess(img, 16, 1024); err != nil {
			b.Fatal(err)
		}
	}
}
