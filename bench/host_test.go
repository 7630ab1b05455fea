package bench

import (
	"testing"
	"time"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
)

// BenchmarkHost measures what a token costs the host where a pass has as many
// dispatches as Pixtral 12B's on a GPU: its 40 layers, in one submission ahead of the
// host. The device is treated as a GPU and computes nothing, which on a software
// adapter would take the host's own cores and caches.
func BenchmarkHost(b *testing.B) {
	cost := costOfTokens(b, 400*b.N)
	b.ReportMetric(cost.each().Seconds()*1e3, "cpu-ms/token")
	b.ReportMetric(float64(cost.mallocs)/float64(cost.tokens), "allocs/token")
	b.ReportMetric(float64(cost.runs)/float64(cost.tokens), "dispatches/token")
}

// A token of 40 layers takes 203 dispatches, and allocates nothing.
func TestHost(t *testing.T) {
	cost := costOfTokens(t, 40)
	if per := float64(cost.runs) / 40; per > 210 {
		t.Errorf("%v dispatches a token", per)
	}
	if per := float64(cost.mallocs) / 40; per > 0.5 { // the runtime's own are counted too
		t.Errorf("%v allocations a token", per)
	}
	t.Log(cost)
}

func costOfTokens(t testing.TB, tokens int) hostCost {
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	d, err := gpu.Open(gpu.Options{Hardware: true, Empty: true})
	check(err)
	defer d.Close()
	c := &model.Config{Dim: 256, Layers: 40, HeadDim: 32, HiddenDim: 256, Heads: 8, KVHeads: 2, NormEps: 1e-5, VocabSize: 512, RopeTheta: 1e6}
	p, err := model.Load(t.Context(), d, model.Synthetic(c, "q4_k", 1), model.LoadOptions{Noise: true})
	check(err)
	defer p.Close()
	s, err := p.NewSession(model.SessionOptions{Context: 128})
	check(err)
	defer s.Close()
	var sum hostCost
	for sum.tokens < tokens {
		check(s.Sync(t.Context(), prompt(p, 20)))
		n := 0
		var meter hostMeter
		for _, err := range s.Generate(t.Context(), model.Sampler{}, 0) {
			check(err)
			if n++; n == warmUps {
				meter = startMeter(d)
			}
			if n == warmUps+min(tokens-sum.tokens, 100) {
				break
			}
		}
		cost := meter.stop(n - warmUps)
		sum.cpu, sum.mallocs, sum.runs, sum.tokens = sum.cpu+cost.cpu, sum.mallocs+cost.mallocs, sum.runs+cost.runs, sum.tokens+cost.tokens
	}
	return sum
}

// A meter tells what was spent between start and stop alone.
func TestMeter(t *testing.T) {
	d, err := gpu.Open(gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	m := startMeter(d)
	time.Sleep(20 * time.Millisecond)
	if cost := m.stop(1); cost.each() > 15*time.Millisecond || cost.runs != 0 {
		t.Errorf("of sleep: %v", cost)
	}
}
