package quiz

import (
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"testing"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pocket"
)

// bars are a little below what the model reaches; train.log and the model card
// say what that is.
var bars = map[string]float64{}

func load(t *testing.T, quant string) *model.Pixtral {
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
	p, err := model.Load(t.Context(), d, c, model.LoadOptions{Quant: quant})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// items returns about so many of the items, taken evenly, or all of them if
// PIXTRAL_QUIZ is "all": make pocket-eval and make quant-report set it.
func items(t *testing.T, n int) []Item {
	t.Helper()
	list, err := Items("../testdata")
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("PIXTRAL_QUIZ") == "all" {
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
	scores, err := Ask(t.Context(), load(t, ""), items(t, 150), func(it Item, answer string) {
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
		if bar := bars[kind]; s.Percent() < bar {
			t.Errorf("%s: %.1f %% right, want %.0f", kind, s.Percent(), bar)
		}
	}
}

// What each weight format costs: the divergence from bf16 over the answers'
// tokens, and right answers.
func TestQuantReport(t *testing.T) {
	list := items(t, 40)
	full := load(t, "")
	plain, err := Ask(t.Context(), full, list, nil)
	if err != nil {
		t.Fatal(err)
	}
	few := every(list, 4)
	fmt.Printf("%-6s %12s  %s\n%-6s %12s  %5.1f %% right\n", "format", "KL, nats", "held-out items", "bf16", "0", plain["all"].Percent())
	for quant, drop := range formats {
		p := load(t, quant)
		scores, err := Ask(t.Context(), p, list, nil)
		if err != nil {
			t.Fatal(err)
		}
		divergence, err := Divergence(t.Context(), full, p, few)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("%-6s %12.2e  %5.1f %% right\n", quant, divergence, scores["all"].Percent())
		lost := plain["all"].Right - scores["all"].Right
		if float64(lost) > math.Ceil(drop/100*float64(len(list))) { // one item of few is more than a point
			t.Errorf("%s loses %d of %d items, allowed %.1f %%", quant, lost, len(list), drop)
		}
		if math.IsNaN(divergence) || divergence < 0 {
			t.Errorf("%s: a divergence of %v", quant, divergence)
		}
	}
}

// formats and how many points of accuracy each may lose.
var formats = map[string]float64{"q8_0": 0.5, "q6_k": 1.5, "q5_k": 2, "q4_k": 3, "q4_0": 5}
