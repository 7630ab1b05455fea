package reference

import (
	"encoding/json"
	"math"
	"os"
	"reflect"
	"slices"
	"testing"

	"pixtral-wgpu/model"
)

// golden13 is model/testdata/golden13.json: every number of the
// specification, section 13. See the README there.
type golden13 struct {
	Tolerance    float64 `json:"tolerance"`
	SumTolerance float64 `json:"sum_tolerance"`
	Params       json.RawMessage
	Tensors      []struct {
		Index uint32
		Name  string
		Shape []int
	}
	Images []struct {
		Index uint32
		Shape []int
	}
	Generated []struct {
		Index uint32
		Want  []float64
	}
	Cases []struct {
		Name   string
		Prompt []int32
		Images []int
		Values []goldenValue
		Sums   []struct {
			Name string
			Want float64
		}
		Greedy   []int32
		Unmasked []goldenValue
	}
}

// A goldenValue is the beginning of a row of a value.
type goldenValue struct {
	Name string
	Row  int
	Want []float64
}

// A shown is what a See was shown.
type shown struct {
	shape []int
	data  []float32
}

// off returns the greatest difference from the values shown.
func (g goldenValue) off(t *testing.T, values map[string]shown) float64 {
	t.Helper()
	v, ok := values[g.Name]
	if !ok {
		t.Fatalf("no value %s was shown", g.Name)
	}
	greatest := 0.0
	for i, want := range g.Want {
		greatest = max(greatest, math.Abs(float64(v.data[g.Row*v.shape[1]+i])-want))
	}
	return greatest
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// see returns a See, and the values that it will have been shown.
func see(t *testing.T) (See, map[string]shown) {
	values := map[string]shown{}
	return func(name string, shape []int, data []float32) {
		if _, twice := values[name]; twice {
			t.Errorf("%s is shown twice", name)
		}
		size := 1
		for _, d := range shape {
			size *= d
		}
		if size != len(data) {
			t.Errorf("%s: %d values for %v", name, len(data), shape)
		}
		values[name] = shown{shape, data}
	}, values
}

func TestGolden13(t *testing.T) {
	var golden golden13
	readJSON(t, "../testdata/golden13.json", &golden)
	cfg, tensor, pictures := Golden13()
	m, err := New(cfg, tensor)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range golden.Cases {
		t.Run(c.Name, func(t *testing.T) {
			var images []Image
			for _, i := range c.Images {
				images = append(images, pictures[i])
			}
			if len(images) > 0 && !slices.Equal(c.Prompt, Golden13Prompt()) {
				t.Errorf("Golden13Prompt is %v, want %v", Golden13Prompt(), c.Prompt)
			}
			see, values := see(t)
			logits, err := m.Forward(c.Prompt, images, see)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(logits, values["logits"].data) {
				t.Error("the logits returned are not those shown")
			}
			for _, g := range c.Values {
				off := g.off(t, values)
				t.Logf("%s row %d: off by %.1e", g.Name, g.Row, off)
				if !(off <= golden.Tolerance) {
					t.Errorf("%s row %d is off by %v, want %v", g.Name, g.Row, off, g.Want)
				}
			}
			for _, g := range c.Sums {
				var sum float64
				for _, v := range values[g.Name].data {
					sum += float64(v)
				}
				if !(math.Abs(sum-g.Want) <= golden.SumTolerance) {
					t.Errorf("the sum of %s is %v, want %v", g.Name, sum, g.Want)
				}
			}
			for _, g := range c.Unmasked {
				if off := g.off(t, values); off < 10*golden.Tolerance {
					t.Errorf("%s row %d is what patches give that see the other image", g.Name, g.Row)
				}
			}
			greedy, err := m.Greedy(c.Prompt, images, len(c.Greedy))
			if err != nil || !slices.Equal(greedy, c.Greedy) {
				t.Errorf("greedy tokens %v, want %v (%v)", greedy, c.Greedy, err)
			}
		})
	}
}

// TestGolden13Inputs compares the sizes, weights and pixels of Golden13 with
// the specification's.
func TestGolden13Inputs(t *testing.T) {
	var golden golden13
	readJSON(t, "../testdata/golden13.json", &golden)
	cfg, tensor, images := Golden13()
	want, err := model.ParseConfig(golden.Params)
	if err != nil || !reflect.DeepEqual(cfg, want) {
		t.Errorf("the sizes are %+v %+v, want %+v %+v (%v)", cfg, cfg.VisionEncoder, want, want.VisionEncoder, err)
	}

	shapes := map[string][]int{}
	for _, s := range cfg.Tensors() {
		shapes[s.Name] = s.Shape
	}
	generated := map[uint32][]float32{}
	for _, g := range golden.Tensors {
		if !slices.Equal(shapes[g.Name], g.Shape) {
			t.Errorf("%s is %v, want %v", g.Name, shapes[g.Name], g.Shape)
		}
		delete(shapes, g.Name)
		if generated[g.Index], err = tensor(g.Name); err != nil {
			t.Error(err)
		}
	}
	if len(shapes) > 0 {
		t.Errorf("not in the specification: %v", shapes)
	}
	for i, g := range golden.Images {
		if got := []int{3, images[i].Height, images[i].Width}; !slices.Equal(got, g.Shape) {
			t.Errorf("image %d is %v, want %v", i, got, g.Shape)
		}
		generated[g.Index] = images[i].Pixels
	}
	for _, g := range golden.Generated {
		for i, want := range g.Want {
			if got := generated[g.Index][i]; math.Abs(float64(got)-want) > golden.Tolerance {
				t.Errorf("value %d of %d is %v, want %v", i, g.Index, got, want)
			}
		}
	}
	if _, err := tensor("layers.2.attention.wq.weight"); err == nil {
		t.Error("no error for a tensor that is not there")
	}
}
