package bench

import (
	"runtime"
	"testing"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
)

// A load holds a few stretches of rows on the host, not the model, though it
// joins matrices and converts them.
func TestLoadIsBounded(t *testing.T) {
	d, err := gpu.Open(gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	c := model.Synthetic(&model.Config{
		Dim: 2048, Layers: 2, HeadDim: 64, HiddenDim: 8192, Heads: 32, KVHeads: 8, NormEps: 1e-5, VocabSize: 4096, RopeTheta: 1e6,
	}, "", 1)
	runtime.GC()
	peak := &hostPeak{}
	peak.look()
	before := peak.heap
	p, err := model.Load(t.Context(), d, c, model.LoadOptions{Quant: "q8_0", Progress: func(done, total uint64) { peak.look() }})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	const most = 96 << 20
	t.Logf("%s of heap for weights of %s", gpu.Size(peak.heap-before), gpu.Size(c.Bytes()))
	if c.Bytes() < most || peak.heap-before > most {
		t.Errorf("%s of heap for weights of %s", gpu.Size(peak.heap-before), gpu.Size(c.Bytes()))
	}
}
