package model_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/model/reference"
	"pixtral-wgpu/model/safetensors"
	"pixtral-wgpu/tokenizer"
)

// configurations are the devices on which every golden must hold: all that the
// adapter offers, what WebGPU promises everywhere, matrices so cut that a
// border of shards runs through each, and what GPUs get.
var configurations = map[string]gpu.Options{
	"full limits":    {},
	"default limits": {DefaultLimits: true},
	"shards":         {DefaultLimits: true, ShardBytes: shardBytes},
	"as a GPU":       {Hardware: true},
}

const shardBytes = 1500 // less than any matrix of the goldens has

func open(t *testing.T, o gpu.Options) *gpu.Device {
	t.Helper()
	d, err := gpu.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	check(t, err)
	check(t, json.Unmarshal(data, into))
}

func load(t *testing.T, d *gpu.Device, c *model.Checkpoint) *model.Pixtral {
	t.Helper()
	p, err := model.Load(t.Context(), d, c, model.LoadOptions{})
	check(t, err)
	t.Cleanup(p.Close)
	return p
}

// greedy returns the n likeliest tokens after a prompt.
func greedy(t *testing.T, p *model.Pixtral, o model.SessionOptions, prompt model.Prompt, n int) (list []tokenizer.Token) {
	t.Helper()
	s, err := p.NewSession(o)
	check(t, err)
	defer s.Close()
	check(t, s.Sync(t.Context(), prompt))
	for tok, err := range s.Generate(t.Context(), model.Sampler{}, n) {
		check(t, err)
		list = append(list, tok)
	}
	return list
}

func golden13(t *testing.T, d *gpu.Device) (*model.Pixtral, []*pixels.Patches) {
	t.Helper()
	cfg, tensor, images := reference.Golden13()
	c, err := reference.Checkpoint("golden13", cfg, tensor)
	check(t, err)
	var patches []*pixels.Patches
	for _, img := range images {
		p, err := pixels.FromPixels(img.Pixels, img.Height, img.Width, cfg.VisionEncoder.PatchSize)
		check(t, err)
		patches = append(patches, p)
	}
	return load(t, d, c), patches
}

// Every number of the specification, section 13, on the device.
func TestGolden13(t *testing.T) {
	type value struct {
		Name string
		Row  int
		Want []float64
	}
	var golden struct {
		Tolerance    float64
		SumTolerance float64 `json:"sum_tolerance"`
		Cases        []struct {
			Name             string
			Prompt, Greedy   []tokenizer.Token
			Images           []int
			Values, Unmasked []value
			Sums             []struct {
				Name string
				Want float64
			}
		}
	}
	readJSON(t, "testdata/golden13.json", &golden)
	off := func(v value, got *model.Values) (worst float64) {
		have, ok := got.ByName[v.Name]
		if !ok {
			t.Errorf("there is no %s", v.Name)
			return
		}
		for i, want := range v.Want {
			worst = max(worst, math.Abs(float64(have.Data[v.Row*have.Shape[1]+i])-want))
		}
		return worst
	}
	for name, o := range configurations {
		p, images := golden13(t, open(t, o))
		for _, c := range golden.Cases {
			t.Run(name+"/"+c.Name, func(t *testing.T) {
				prompt := model.Prompt{Tokens: c.Prompt}
				for _, i := range c.Images {
					prompt.Images = append(prompt.Images, images[i])
				}
				got, err := reference.Watch(t.Context(), p, prompt)
				check(t, err)
				for _, v := range c.Values {
					if d := off(v, got); d > golden.Tolerance {
						t.Errorf("%s, row %d: off by %.1e", v.Name, v.Row, d)
					}
				}
				for _, v := range c.Unmasked {
					if d := off(v, got); d < 10*golden.Tolerance {
						t.Errorf("%s, row %d: as if images saw each other", v.Name, v.Row)
					}
				}
				for _, s := range c.Sums {
					sum := 0.0
					for _, v := range got.ByName[s.Name].Data {
						sum += float64(v)
					}
					if math.Abs(sum-s.Want) > golden.SumTolerance {
						t.Errorf("sum of %s is %f, want %f", s.Name, sum, s.Want)
					}
				}
				if n := len(c.Greedy); n > 0 {
					if list := greedy(t, p, model.SessionOptions{Context: 64, KV: "f32"}, prompt, n); !slices.Equal(list, c.Greedy) {
						t.Errorf("greedy %v, want %v", list, c.Greedy)
					}
				}
			})
		}
	}
}

// A border of shards runs through every matrix of the goldens.
func TestShardBorders(t *testing.T) {
	cfg, tensor, _ := reference.Golden13()
	c, err := reference.Checkpoint("golden13", cfg, tensor)
	check(t, err)
	list := []*model.Checkpoint{c}
	for _, dir := range []string{"hf_a", "hf_b"} {
		c, err := model.OpenCheckpoint(filepath.Join("testdata", dir))
		check(t, err)
		defer c.Close()
		list = append(list, c)
	}
	for _, c := range list {
		placements, err := c.Placements("")
		check(t, err)
		for _, p := range placements {
			if len(p.Shape) > 1 && p.DeviceBytes <= shardBytes {
				t.Errorf("%s: %s has only %d bytes", c.Name, p.Name, p.DeviceBytes)
			}
		}
	}
}

// Every value of two small models of Hugging Face transformers' own Pixtral,
// and 32 greedy tokens; in chunks and with half-float keys too.
func TestTransformers(t *testing.T) {
	// The fixture allows 1e-3; a tanh GELU would pass with that.
	const tolerance = 3e-5
	for name, o := range configurations {
		d := open(t, o)
		for _, dir := range []string{"hf_a", "hf_b"} {
			c, err := model.OpenCheckpoint(filepath.Join("testdata", dir))
			check(t, err)
			t.Cleanup(func() { c.Close() })
			p := load(t, d, c)
			var golden struct {
				Cases []struct {
					Name           string
					Prompt, Greedy []tokenizer.Token
					Images         []struct{ Rows, Cols int }
				}
			}
			readJSON(t, filepath.Join("testdata", dir, "golden.json"), &golden)
			want, err := safetensors.Open(filepath.Join("testdata", dir, "golden.safetensors"))
			check(t, err)
			t.Cleanup(func() { want.Close() })
			read := func(name string) []float32 {
				tensor, ok := want.Tensor(name)
				if !ok {
					t.Fatalf("the fixture has no %s", name)
				}
				v, err := tensor.Float32s()
				check(t, err)
				return v
			}
			for _, g := range golden.Cases {
				t.Run(fmt.Sprint(name, "/", dir, "/", g.Name), func(t *testing.T) {
					prompt := model.Prompt{Tokens: g.Prompt}
					for i, grid := range g.Images {
						patch := c.Config.VisionEncoder.PatchSize
						img, err := pixels.FromPixels(read(fmt.Sprintf("%s/images.%d.pixels", g.Name, i)), grid.Rows*patch, grid.Cols*patch, patch)
						check(t, err)
						prompt.Images = append(prompt.Images, img)
					}
					got, err := reference.Watch(t.Context(), p, prompt)
					check(t, err)
					worst, compared := 0.0, 0
					for _, full := range want.Names() {
						value, ok := strings.CutPrefix(full, g.Name+"/")
						if !ok || strings.HasSuffix(value, ".pixels") {
							continue
						}
						off := reference.Distance(got.ByName[value].Data, read(full))
						worst, compared = max(worst, off), compared+1
						if off > tolerance {
							t.Errorf("%s is off by %.1e", value, off)
						}
					}
					if compared < 5 {
						t.Errorf("only %d values compared", compared)
					}
					t.Logf("%d values, at most %.1e off", compared, worst)
					for _, o := range []model.SessionOptions{
						{Context: 256, KV: "f32"}, {Context: 256}, {Context: 256, KV: "f32", Chunk: 7},
					} {
						if list := greedy(t, p, o, prompt, len(g.Greedy)); !slices.Equal(list, g.Greedy) {
							t.Errorf("%+v: greedy %v, want %v", o, list, g.Greedy)
						}
					}
				})
			}
		}
	}
}

func TestCheckFindsNothing(t *testing.T) {
	compared := 0
	check(t, reference.Check(t.Context(), open(t, gpu.Options{}), func(string, float64) { compared++ }))
	if compared < 50 {
		t.Errorf("only %d values compared", compared)
	}
}

// Sync keeps what it holds and encodes an image once, and says what it is asked
// too much.
func TestSync(t *testing.T) {
	p, images := golden13(t, open(t, gpu.Options{}))
	s, err := p.NewSession(model.SessionOptions{Context: 40, KV: "f32"})
	check(t, err)
	defer s.Close()
	done := 0
	s.Progress = func(n, total int) { done = total }
	tokens := func(ids ...int32) (list []tokenizer.Token) {
		for _, id := range ids {
			list = append(list, tokenizer.Token(id))
		}
		return list
	}
	sync := func(prompt model.Prompt, evaluated, encoded int) []float32 {
		t.Helper()
		check(t, s.Sync(t.Context(), prompt))
		if done != evaluated || s.Encoded() != encoded || s.Len() != len(prompt.Tokens) {
			t.Errorf("%d tokens evaluated, %d images encoded, %d held; want %d, %d, %d",
				done, s.Encoded(), s.Len(), evaluated, encoded, len(prompt.Tokens))
		}
		logits, err := s.Logits()
		check(t, err)
		return logits
	}
	fresh := func(prompt model.Prompt) []float32 {
		t.Helper()
		got, err := reference.Watch(t.Context(), p, prompt)
		check(t, err)
		logits := got.ByName["logits"].Data
		return logits[len(logits)-p.Config.VocabSize:]
	}
	one := model.Prompt{Tokens: tokens(reference.Golden13Prompt()...), Images: images}
	sync(one, 19, 2)
	sync(one, 1, 2) // only the last, for its logits
	longer := model.Prompt{Tokens: append(slices.Clone(one.Tokens), tokens(30, 2, 3, 31, 4)...), Images: images}
	if got, want := sync(longer, 5, 2), fresh(longer); reference.Distance(got, want) > 1e-5 {
		t.Error("a continued prompt gives other logits than a fresh one")
	}
	other := model.Prompt{Tokens: tokens(1, 3, 10, 12, 10, 12, 10, 13, 20, 4), Images: images[1:]}
	if got, want := sync(other, 8, 2), fresh(other); reference.Distance(got, want) > 1e-5 {
		t.Error("an image found again gives other logits than a fresh one")
	}
	sync(one, 17, 2) // [IMG] again at 2, but of another image

	var full *model.ContextError
	long := model.Prompt{Tokens: slices.Repeat(tokens(1), 41)}
	if err := s.Sync(t.Context(), long); !errors.As(err, &full) || full.Tokens != 41 || full.Fits != 39 {
		t.Errorf("a prompt too long: %v", err)
	}
	for name, bad := range map[string]model.Prompt{
		"none":        {},
		"outside":     {Tokens: tokens(1, 64)},
		"negative":    {Tokens: tokens(-1)},
		"no image":    {Tokens: tokens(1, 10, 13)},
		"image only":  {Tokens: tokens(1), Images: images},
		"fewer marks": {Tokens: tokens(1, 10, 10, 13), Images: images[1:]},
	} {
		if err := s.Sync(t.Context(), bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Sync(ctx, other); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	sync(other, 8, 2) // and it still works
}
