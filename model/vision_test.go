package model_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/model/pocket"
	"pixtral-wgpu/model/reference"
	"pixtral-wgpu/tokenizer"
)

// noisy makes an image of so many patches for a model.
func noisy(t testing.TB, c *model.Config, rows, cols int, seed uint64) *pixels.Patches {
	t.Helper()
	v, source := c.VisionEncoder, rand.New(rand.NewPCG(seed, 0))
	data := make([]float32, v.Channels*rows*cols*v.PatchSize*v.PatchSize)
	for i := range data {
		data[i] = float32(source.NormFloat64())
	}
	img, err := pixels.FromPixels(data, rows*v.PatchSize, cols*v.PatchSize, v.PatchSize)
	check(t, err)
	return img
}

// encode returns the rows of images that go through the encoder side by side, so
// many layers at a time.
func encode(t testing.TB, c *model.Encoder, d *gpu.Device, layers int, images ...*pixels.Patches) (rows [][]float32) {
	t.Helper()
	e, err := c.Start(images...)
	check(t, err)
	defer e.Close()
	for {
		list, err := e.Step(t.Context(), layers)
		check(t, err)
		for _, tensor := range list {
			data, err := d.Floats(tensor)
			check(t, err)
			rows = append(rows, data)
		}
		d.Free(list...)
		if list != nil {
			return rows
		}
	}
}

// Images that go through the encoder side by side come out to the bit as each alone,
// whatever their sizes, by every way of a product.
func TestImagesTogether(t *testing.T) {
	d := open(t, gpu.Options{})
	c := openPocket(t)
	p := load(t, d, c)
	v, encoder := p.Config.VisionEncoder, p.NewEncoder()
	defer encoder.Close()
	var images []*pixels.Patches
	for i, g := range [][2]int{{1, 1}, {1, 31}, {4, 8}, {3, 11}, {2, 2}, {9, 13}} { // below, at and above a page
		images = append(images, noisy(t, p.Config, g[0], min(g[1], v.ImageSize/v.PatchSize), uint64(i)))
	}
	for _, way := range ops.Ways(d, gpu.Use{Op: ops.Many, Format: "q8_0"}) { // which has all
		t.Run(fmt.Sprint(way), func(t *testing.T) {
			for _, f := range quant.Formats {
				if use := (gpu.Use{Op: ops.Many, Format: f.Name}); slices.Contains(ops.Ways(d, use), way) {
					d.Prefer(use, way)
					defer d.Prefer(use, gpu.Way{})
				}
			}
			together := encode(t, encoder, d, 1, images...)
			for i, img := range images {
				if alone := encode(t, encoder, d, v.Layers, img)[0]; !slices.Equal(together[i], alone) {
					t.Errorf("image %d of %v: off by %.1e", i, img.Grid, reference.Distance(together[i], alone))
				}
			}
		})
	}
}

// How many images go together: at least one, and no more than keep a GPU busy.
func TestTogether(t *testing.T) {
	image := func(patches int) *pixels.Patches {
		return &pixels.Patches{Grid: tokenizer.Grid{Rows: 1, Cols: patches}}
	}
	for _, s := range []struct {
		patches []int
		want    int
	}{
		{[]int{4096, 1}, 1}, {[]int{1, 4096}, 1}, {[]int{256, 256, 256, 256, 1}, 4}, {[]int{250, 250, 250, 250}, 4},
		{[]int{1, 993}, 1}, {[]int{1, 992}, 2}, {[]int{5}, 1}, {nil, 0},
	} {
		var list []*pixels.Patches
		for _, n := range s.patches {
			list = append(list, image(n))
		}
		if got := model.Together(list); got != s.want {
			t.Errorf("of %v go %d together, want %d", s.patches, got, s.want)
		}
	}
}

// What eight images of 64 patches take, one after the other and side by side:
// go test -run '^$' -bench Images ./model
func BenchmarkImages(b *testing.B) {
	d, err := gpu.Open(gpu.Options{})
	check(b, err)
	defer d.Close()
	c, err := model.ParseCheckpoint("pocket", pocket.Params, pocket.Weights, pocket.Tekken)
	check(b, err)
	p, err := model.Load(b.Context(), d, c, model.LoadOptions{})
	check(b, err)
	defer p.Close()
	encoder := p.NewEncoder()
	defer encoder.Close()
	var images []*pixels.Patches
	for i := range 8 {
		images = append(images, noisy(b, p.Config, 8, 8, uint64(i)))
	}
	for _, together := range []int{1, 8} {
		b.Run(fmt.Sprint(together, " at a time"), func(b *testing.B) {
			for b.Loop() {
				for list := range slices.Chunk(images, together) {
					encode(b, encoder, d, p.Config.VisionEncoder.Layers, list...)
				}
			}
		})
	}
}
