package view

import (
	"context"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/model/pocket"
)

const examples = "../model/pocket/examples/"

// open loads the pocket model.
func open(t *testing.T) *model.Pixtral {
	t.Helper()
	d, err := gpu.Open(gpu.Options{})
	if err != nil {
		t.Fatalf("%v; on Debian and Ubuntu: apt-get install mesa-vulkan-drivers", err)
	}
	t.Cleanup(d.Close)
	c, err := model.ParseCheckpoint("pocket", pocket.Params, pocket.Weights, pocket.Tekken)
	if err != nil {
		t.Fatal(err)
	}
	p, err := model.Load(t.Context(), d, c, model.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func picture(t *testing.T, p *model.Pixtral, name string) *pixels.Patches {
	t.Helper()
	data, err := os.ReadFile(examples + name)
	if err != nil {
		t.Fatal(err)
	}
	img, err := pixels.Decode(data, pixels.Options{})
	if err != nil {
		t.Fatal(err)
	}
	patches, err := pixels.Preprocess(img, p.Config.VisionEncoder.PatchSize, p.Config.VisionEncoder.ImageSize)
	if err != nil {
		t.Fatal(err)
	}
	return patches
}

func viewer(t *testing.T, p *model.Pixtral, o Options) *Viewer {
	t.Helper()
	v, err := New(p, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

func frame(t *testing.T, v *Viewer, width, height int) image.Image {
	t.Helper()
	img, err := v.Image(width, height, 1)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// The heat that is drawn from is the attention that an inspection reports for
// the same position, layer and head.
func TestHeatIsTheAttention(t *testing.T) {
	p := open(t)
	v := viewer(t, p, Options{})
	img := picture(t, p, "red-circle.png")
	v.Ask([]*pixels.Patches{img}, "What is this?")
	if err := v.Until(t.Context(), -1); err != nil {
		t.Fatal(err)
	}
	words := v.Words()
	if len(words) < 2 {
		t.Fatalf("the answer has %d words", len(words))
	}
	first := v.firstToken(v.answer.prompt, 0)
	for _, c := range []struct{ word, layer, head int }{{0, 0, 1}, {1, 2, meanOfHeads}, {1, 3, maxOfHeads}, {len(words) - 1, 1, 0}} {
		v.state.word = c.word
		if err := v.Show(c.layer, c.head); err != nil {
			t.Fatal(err)
		}
		if err := v.Until(t.Context(), 0); err != nil { // looks at the word
			t.Fatal(err)
		}
		frame(t, v, 640, 480)
		heat, err := p.Device().Floats(v.heat)
		if err != nil {
			t.Fatal(err)
		}
		fold, row := ops.EachHead, c.head
		if c.head < 0 {
			fold, row = map[int]ops.Fold{meanOfHeads: ops.MeanHead, maxOfHeads: ops.MaxHead}[c.head], 0
		}
		visit, err := v.session.Visit(t.Context(), words[c.word].Position-1, model.Look{Heads: fold, Layers: []int{c.layer}, NoResidual: true})
		if err != nil {
			t.Fatal(err)
		}
		v.askWeights() // as for a patch under the mouse
		if err := (<-v.jobs)(t.Context()); err != nil {
			t.Fatal(err)
		}
		g := img.Grid
		for i := range g.Patches() {
			if told, ok := v.weight(i); !ok || told != heat[v.heatRow()*g.Patches()+i] {
				t.Fatalf("%+v: patch %d has %g in the window, and %g in words", c, i, heat[v.heatRow()*g.Patches()+i], told)
			}
			got, want := heat[v.heatRow()*g.Patches()+i], visit.Row(0, row)[first+i/g.Cols*(g.Cols+1)+i%g.Cols]
			if math.Abs(float64(got-want)) > 1e-6 {
				t.Fatalf("%+v: patch %d has %g in the window, %g in the inspection", c, i, got, want)
			}
		}
	}
}

// Keys and mouse do what they say, without a window.
func TestKeysAndMouse(t *testing.T) {
	p := open(t)
	dropped := ""
	v := viewer(t, p, Options{Paused: true, Open: func(path string) (*pixels.Patches, error) {
		dropped = path
		return picture(t, p, "square-and-star.png"), nil
	}})
	v.Ask([]*pixels.Patches{picture(t, p, "red-circle.png")}, "What is this?")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	drain := func() { // the work, at once
		for len(v.jobs) > 0 || v.going() {
			if v.going() && len(v.jobs) == 0 {
				v.do(ctx, v.stepAndLook)
				continue
			}
			v.do(ctx, <-v.jobs)
		}
	}
	drain()
	if n := len(v.Words()); n != 1 {
		t.Fatalf("paused after %d words", n)
	}
	frame(t, v, 1000, 700)
	v.Key("space")
	drain()
	if n := len(v.Words()); n != 2 {
		t.Errorf("a step on there are %d words", n)
	}
	v.Key("down")
	v.Key("down")
	v.Key("right")
	if v.state.layer != p.Config.Layers-3 || v.state.head != 0 {
		t.Errorf("layer %d, head %d", v.state.layer, v.state.head)
	}
	v.Key("enter")
	drain()
	if !v.answer.ended || v.note == "" {
		t.Errorf("the answer did not end: %+v, %s", v.answer.words, v.note)
	}

	frame(t, v, 1000, 700)
	b := v.areas.shown
	v.Move(b.x+b.w*0.5/float32(v.areas.cols), b.y+b.h*0.5/float32(v.areas.rows))
	v.Press()
	v.Release()
	drain()
	if v.state.patch != 0 || len(v.reading.words) == 0 {
		t.Errorf("patch %d is pinned, and reads as %q", v.state.patch, v.reading.words)
	}
	w := v.areas.words[0].box
	v.Move(w.x+1, w.y+1)
	v.Press()
	v.Release()
	drain()
	if v.state.word != 0 || v.gazed != v.answer.words[0].Position-1 {
		t.Errorf("word %d is pinned, the gaze is at %d", v.state.word, v.gazed)
	}
	l, h := v.areas.layers[1], v.areas.heads[3]
	for _, at := range []box{l, h} {
		v.Move(at.x+2, at.y+2)
		v.Press()
		v.Release()
	}
	if v.state.layer != 1 || v.state.head != 3 {
		t.Errorf("clicked: layer %d, head %d", v.state.layer, v.state.head)
	}
	v.Move(b.x+b.w/2, b.y+b.h/2)
	v.Scroll(3)
	v.Press()
	v.Move(b.x+b.w/2+40, b.y+b.h/2)
	v.Release()
	if v.state.zoom <= 1 || v.state.panX != 40 || v.state.patch != 0 {
		t.Errorf("zoom %g, moved by %g, patch %d", v.state.zoom, v.state.panX, v.state.patch)
	}
	v.Key("o")
	drain()
	frame(t, v, 500, 400) // another size
	if v.heated.rolled == 0 {
		t.Error("the rollout is not shown")
	}
	v.Drop([]string{"other.png"})
	drain()
	if dropped != "other.png" || v.shownOf == nil || v.areas.cols == 0 {
		t.Errorf("dropped %q", dropped)
	}
	frame(t, v, 1000, 700)
	if v.areas.cols != 6 {
		t.Errorf("the picture dropped has %d columns", v.areas.cols)
	}
	v.Key("?")
	frame(t, v, 1000, 700)
	v.Key("escape")
	v.Key("escape")
	if v.Leaving() {
		v.Key("escape")
	} else if v.Key("escape"); !v.Leaving() {
		t.Error("Escape does not leave")
	}
}

// Many frames while answers are made leave the device's memory as it was.
func TestFramesKeepNothing(t *testing.T) {
	p := open(t)
	v := viewer(t, p, Options{})
	img := picture(t, p, "red-circle.png")
	var before uint64
	for n := range 60 {
		if v.answer == nil || v.answer.ended {
			v.Ask([]*pixels.Patches{img}, "What is this?")
		}
		if err := v.Until(t.Context(), len(v.Words())+1); err != nil {
			t.Fatal(err)
		}
		v.state.layer = n % p.Config.Layers
		frame(t, v, 320, 240)
		if n == 20 {
			before, _ = p.Device().Used()
		}
	}
	if now, _ := p.Device().Used(); now != before {
		t.Errorf("%d bytes after 20 frames, %d after 60", before, now)
	}
}

// Frames look as they did. What changes from machine to machine, the times of
// kernels, is left out.
func TestStoredFrames(t *testing.T) {
	p := open(t)
	for name, c := range map[string]struct {
		picture, question string
		words             int
		head              int
		help              bool
	}{
		"mean":    {"red-circle.png", "What is this?", 2, meanOfHeads, false},
		"rollout": {"square-and-star.png", "Describe the picture.", -1, rollout, false},
		"help":    {"red-circle.png", "What is this?", 1, 2, true},
	} {
		v := viewer(t, p, Options{})
		v.noClock = true
		v.Ask([]*pixels.Patches{picture(t, p, c.picture)}, c.question)
		if err := v.Show(-1, c.head); err != nil {
			t.Fatal(err)
		}
		if err := v.Until(t.Context(), c.words); err != nil {
			t.Fatal(err)
		}
		v.state.help = c.help
		compare(t, filepath.Join("testdata", name+".png"), frame(t, v, 960, 600))
	}
}

// compare compares with a stored picture; PIXTRAL_STORE=1 stores it.
func compare(t *testing.T, path string, got image.Image) {
	t.Helper()
	if os.Getenv("PIXTRAL_STORE") != "" {
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := png.Encode(f, got); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if got.Bounds() != want.Bounds() {
		t.Fatalf("%s: %v, want %v", path, got.Bounds(), want.Bounds())
	}
	if share := differing(got, want); share > 0.005 {
		t.Errorf("%s: %.2f %% of the pixels differ by more than 16 of 255", path, 100*share)
	}
}

// differing is the share of pixels that differ by more than 16 of 255.
func differing(got, want image.Image) float64 {
	b, far := got.Bounds(), 0
	for y := range b.Dy() {
		for x := range b.Dx() {
			r1, g1, b1, _ := got.At(x, y).RGBA()
			r2, g2, b2, _ := want.At(x, y).RGBA()
			if max(apart(r1, r2), apart(g1, g2), apart(b1, b2)) > 16 {
				far++
			}
		}
	}
	return float64(far) / float64(b.Dx()*b.Dy())
}

func apart(a, b uint32) uint32 { return max(a, b)>>8 - min(a, b)>>8 }
