package quiz

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pocket"
)

// bars are a little below what the model reaches over all items, in percent;
// the model card says what that is. A few of the items are held to "all" alone.
var bars = map[string]float64{
	"all": 96, "background": 96, "chart": 96, "colour": 97, "count": 95, "describe": 92, "exists": 96, "one word": 95, "refusal": 96,
	"relation": 96, "second turn": 96, "several": 96, "shape": 97, "table": 95, "text": 90, "where": 95,
}

func load(t *testing.T, quant string) *model.Pixtral {
	t.Helper()
	d, c := open(t)
	return loadOn(t, d, c, quant)
}

// open opens a device and the embedded model.
func open(t *testing.T) (*gpu.Device, *model.Checkpoint) {
	t.Helper()
	d, err := gpu.Open(gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	c, err := model.ParseCheckpoint("pocket", pocket.Params, pocket.Weights, pocket.Tekken)
	if err != nil {
		t.Fatal(err)
	}
	return d, c
}

func loadOn(t *testing.T, d *gpu.Device, c *model.Checkpoint, quant string) *model.Pixtral {
	t.Helper()
	p, err := model.Load(t.Context(), d, c, model.LoadOptions{Quant: quant})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// whole says that all items are asked, not some: make pocket-eval and make
// quant-report do.
var whole = os.Getenv("PIXTRAL_QUIZ") == "all"

// items returns about so many of the items, taken evenly, or all of them.
func items(t *testing.T, n int) []Item {
	t.Helper()
	list, err := Items("../testdata")
	if err != nil {
		t.Fatal(err)
	}
	if whole {
		return list
	}
	return every(list, (len(list)+n-1)/n)
}

// every returns each n-th item.
func every(list []Item, n int) (some []Item) {
	for i := 0; i < len(list); i += n {
		some = append(some, list[i])
	}
	return some
}

// The embedded model answers the held-out items, run as any user runs it.
func TestAccuracy(t *testing.T) {
	var times []time.Duration
	p, last := load(t, ""), time.Now()
	scores, err := Ask(t.Context(), p, items(t, 90), func(it Item, answer string) {
		times, last = append(times, time.Since(last)), time.Now()
		if answer != it.Answer {
			t.Logf("%-18s %s -> %q, want %q", it.ID, it.Question, answer, it.Answer)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range slices.Sorted(maps.Keys(scores)) {
		s := scores[kind]
		fmt.Printf("%-12s %4d of %4d right  %5.1f %%\n", kind, s.Right, s.Asked, s.Percent())
		if bar := bars[kind]; s.Percent() < bar && (whole || kind == "all") {
			t.Errorf("%s: %.1f %% right, want %.0f", kind, s.Percent(), bar)
		}
	}
	slices.Sort(times)
	fmt.Printf("an answer takes %.2f s (median), %.2f s at most, on %v\n", times[len(times)/2].Seconds(), times[len(times)-1].Seconds(), p.Device().Info)
}

// Where the model looks when it names a colour or a shape: at the thing it names.
func TestAttention(t *testing.T) {
	p := load(t, "")
	list, err := Items("../testdata")
	if err != nil {
		t.Fatal(err)
	}
	list = slices.DeleteFunc(list, func(it Item) bool { return len(it.Box) == 0 || it.Kind == "where" })
	if len(list) < 100 {
		t.Fatalf("%d items name one thing, want 100", len(list))
	}
	if list = list[:100]; !whole {
		list = every(list, 4)
	}
	var glances []Glance
	for _, it := range list {
		g, err := Attend(t.Context(), p, it)
		if err != nil {
			t.Fatal(err)
		}
		glances = append(glances, g)
	}
	layer, ratio, mass, share := Ratio(glances)
	fmt.Printf("attention: %.1f %% of it inside boxes of %.1f %% of the picture, %.1f times their share, in layer %d, over %d items\n",
		100*mass, 100*share, ratio, layer, len(glances))
	if ratio < 3 {
		t.Errorf("the boxes get %.1f times their share of the attention, want 3", ratio)
	}
}

// What each weight format costs: the divergence from bf16 over the answers'
// tokens, and right answers. Without PIXTRAL_QUIZ=all only the formats that the
// project promises something of, over few items.
func TestQuantReport(t *testing.T) {
	list := items(t, 40)
	full := load(t, "")
	plain, err := Ask(t.Context(), full, list, nil)
	if err != nil {
		t.Fatal(err)
	}
	few := every(list, 4)
	fmt.Printf("%-6s %9s  %d held-out items\n%-6s %9d  %5.1f %% right\n", "format", "KL, nats", len(list), "bf16", 0, plain["all"].Percent())
	for _, c := range costs {
		if c.points == 0 && !whole {
			continue
		}
		p := loadAs(t, c.quant)
		scores, err := Ask(t.Context(), p, list, nil)
		if err != nil {
			t.Fatal(err)
		}
		divergence, err := Divergence(t.Context(), full, p, few)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("%-6s %9.1e  %5.1f %% right\n", c.quant, divergence, scores["all"].Percent())
		if !(divergence >= 0 && divergence <= c.nats) {
			t.Errorf("%s: a divergence of %v nats, allowed %v", c.quant, divergence, c.nats)
		}
		lost := plain["all"].Right - scores["all"].Right
		// Of few items two may be ones that bf16 itself got by a hair.
		if most := max(2, c.points/100*float64(len(list))); c.points > 0 && float64(lost) > most {
			t.Errorf("%s loses %d of %d items, allowed %.1f points", c.quant, lost, len(list), c.points)
		}
		p.Close()
	}
}

// costs are what a format may cost: the divergence from bf16, ten times what it
// is and more, and points of accuracy, 0 if nothing is promised.
var costs = []struct {
	quant        string
	nats, points float64
}{
	{"f16", 1e-5, 0}, {"q8_0", 2e-5, 0.5}, {"q6_k", 1e-4, 0}, {"q5_k", 2e-4, 0}, {"q4_k", 5e-3, 3},
	{"q5_1", 2e-4, 0}, {"q5_0", 4e-4, 0}, {"q4_1", 5e-3, 0}, {"q4_0", 5e-3, 0},
}

// loadAs loads the embedded model with weights of a format. Its rows of 128 and
// 384 weights are no blocks of a K type, for which the program takes other types;
// to see what the K types themselves cost, their blocks go over the ends of
// rows here, and what they leave of the weights is loaded in f32.
func loadAs(t *testing.T, name string) *model.Pixtral {
	t.Helper()
	if !strings.HasSuffix(name, "_k") {
		return load(t, name)
	}
	asked, err := quant.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	d, c := open(t)
	c.Source = &rowless{c.Source, asked}
	return loadOn(t, d, c, "")
}

// rowless gives the weights that quantising leaves, by the rule of
// model.Placements, if blocks need not fit into rows.
type rowless struct {
	model.Source
	asked quant.Format
}

func (s *rowless) Tensor(name string) (model.Tensor, bool) {
	t, ok := s.Source.Tensor(name)
	format := s.asked
	switch {
	case !ok || len(t.Shape) == 1 || strings.Contains(name, "patch_conv"):
		return t, ok
	case strings.HasPrefix(name, "vision_"):
		format = quant.Q8_0
	case !strings.HasPrefix(name, "layers."):
		format = quant.Q6_K
	}
	stored := t
	t.Format = quant.F32
	t.Rows = func(from, to int) ([]byte, error) {
		w, err := stored.Floats(0, t.Shape[0])
		if err != nil {
			return nil, err
		}
		w = format.Unpack(format.Pack(w))
		return quant.F32.Pack(w[from*t.Cols() : to*t.Cols()])[0], nil
	}
	return t, true
}
