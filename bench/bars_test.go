//go:build unix

package bench

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

// TestBars compares decoding and prompts of a model of the size of Llama 3.2 1B
// with what the software adapter reads and multiplies at best, by the process's CPU
// time, which other work on the machine changes little. It runs if PIXTRAL_BARS
// names a type of weights and a length of prompt; figures are printed, and nothing fails for them.
func TestBars(t *testing.T) {
	name, tokens, _ := strings.Cut(os.Getenv("PIXTRAL_BARS"), ":")
	if name == "" {
		t.Skip("PIXTRAL_BARS=bf16:64 runs it for a prompt of 64 tokens, in some minutes")
	}
	depth, err := strconv.Atoi(tokens)
	if err != nil || depth < 1 {
		t.Fatalf("PIXTRAL_BARS is a type of weights and a number of tokens, as bf16:64")
	}
	d, err := gpu.Open(gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if !d.Info.Software() {
		t.Skip("a GPU's time is not the process's")
	}
	g := &rig{d: d}
	defer g.free()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	best := 0.0
	for _, f := range []quant.Format{quant.F32, quant.F16, quant.BF16} {
		x, err := g.tensor("x", 512, 512)
		must(err)
		y, err := g.tensor("y", 512, 512)
		must(err)
		m, err := g.matrix(f, 512, 512)
		must(err)
		best = max(best, 2*512*512*512/1e9/cpuTime(8, func() {
			rec := d.Record()
			ops.Linear(rec, y, x, m)
			must(finish(d, rec, y.Rows(1)))
		}))
	}
	m, err := ops.NoiseMatrix(t.Context(), d, "x", quant.BF16, readRows, readCols, 1)
	must(err)
	defer d.FreeMatrix(m)
	var reads []func() float64
	for _, shape := range streams {
		last, record, err := g.stream(m, shape.StreamShape)
		must(err)
		reads = append(reads, func() float64 {
			return float64(m.Bytes()) / 1e9 / cpuTime(20, func() {
				rec := d.Record()
				record(rec)
				must(finish(d, rec, last))
			})
		})
	}
	read := func() (rate float64) {
		for _, f := range reads {
			rate = max(rate, f())
		}
		return rate
	}
	c := &model.Config{
		Dim: 2048, Layers: 16, HeadDim: 64, HiddenDim: 8192, Heads: 32, KVHeads: 8,
		NormEps: 1e-5, VocabSize: 131072, RopeTheta: 500000,
	}
	p, err := model.Load(t.Context(), d, model.Synthetic(c, name, 0), model.LoadOptions{Quant: name, Noise: true})
	must(err)
	defer p.Close()
	s, err := p.NewSession(model.SessionOptions{Context: depth + 32})
	must(err)
	defer s.Close()
	prompts := 0
	prefill := cpuTime(2, func() {
		q := prompt(p, depth)
		prompts++
		q.Tokens[0] = tokenizer.Token(prompts) // another prompt: nothing of the last can be kept
		must(s.Sync(t.Context(), q))
		_, err := s.Best()
		must(err)
	})
	before := read()
	decode := cpuTime(11, func() {
		tok, err := s.Best()
		must(err)
		must(s.Step(t.Context(), tok))
	})
	stream := (before + read()) / 2
	rate, flop := float64(p.DecodeBytes()+s.CacheBytes(depth))/1e9/decode, promptFLOP(c, depth)/1e9/prefill
	t.Logf("%v, %s, %s", d.Info, d.Info.Driver, name)
	t.Logf("decode behind %d: %.2f GB a second of CPU, %.0f %% of %.2f GB as a stream", depth, rate, 100*rate/stream, stream)
	t.Logf("prefill of %d: %.2f GFLOP a second of CPU, %.0f %% of %.2f in products of 512³", depth, flop, 100*flop/best, best)
}

// cpuTime returns the median of n runs in seconds of the process's CPU, after one
// that is not counted.
func cpuTime(n int, f func()) float64 {
	now := func() time.Duration {
		var u syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	f()
	var list []float64
	for range n {
		start := now()
		f()
		list = append(list, (now() - start).Seconds())
	}
	slices.Sort(list)
	return list[n/2]
}
