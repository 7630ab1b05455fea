package bench

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"testing"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/reference"
)

// Every measurement runs and gives rates that are numbers; what they are is
// nobody's test.
func TestBench(t *testing.T) {
	d, err := gpu.Open(gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	cfg, tensor, _ := reference.Golden13()
	c, err := reference.Checkpoint("golden13", cfg, tensor)
	if err != nil {
		t.Fatal(err)
	}
	p, err := model.Load(t.Context(), d, c, model.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	r := New(d)
	r.Samples = 2
	told := 0
	r.OnRow = func(Row) { told++ }
	for name, measure := range map[string]func() error{
		"decode":  func() error { return r.Decode(t.Context(), p, []int{5, 20}) },
		"prefill": func() error { return r.Prefill(t.Context(), p, []int{33}) },
		"vision":  func() error { return r.Vision(t.Context(), p, []int{16, 32}) },
		"ttft":    func() error { return r.TTFT(t.Context(), p, 32) },
		"load": func() error {
			p, err := r.Load(t.Context(), d, c, model.LoadOptions{Quant: "q8_0"})
			if err == nil {
				p.Close()
			}
			return err
		},
	} {
		if err := measure(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(r.Rows) != 8 || told != 8 {
		t.Errorf("%d rows, told of %d; want 8", len(r.Rows), told)
	}
	for _, row := range r.Rows {
		if row.Median <= 0 || row.Low > row.Median || row.Median > row.High || !(row.Rate > 0) {
			t.Errorf("a row is %+v", row)
		}
	}
}

// Ceilings are measured, and what comes after is compared with them.
func TestCeilings(t *testing.T) {
	d, err := gpu.Open(gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	r := New(d)
	r.Samples = 1
	if err := r.Ceilings(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if !(r.CopyRate > 0 && r.ReadRate > 0 && r.WriteRate > 0 && r.MathRate > 0) || len(r.Rows) != 5 {
		t.Errorf("%+v", r)
	}
	rate, err := r.gemv(t.Context(), d, "kernels", "half as much", quant.F16, 512, 512)
	if row := r.Rows[5]; err != nil || math.Abs(row.Ceiling-100*rate/r.ReadRate) > 1e-6 {
		t.Errorf("%+v, %v", row, err)
	}
}

// The operations of spec §11: 23.15 GFLOP a token of text, 5.21 T a large image.
func TestWork(t *testing.T) {
	c := model.Pixtral12B()
	if got := promptFLOP(c, 1); math.Abs(got/23.15e9-1) > 0.001 {
		t.Errorf("a token takes %.4g operations", got)
	}
	if got := imageFLOP(c, 4096); math.Abs(got/5.21e12-1) > 0.002 {
		t.Errorf("an image takes %.4g operations", got)
	}
}

// A trace names each kernel once, and each lies within its layer and phase.
func TestTrace(t *testing.T) {
	d, err := gpu.Open(gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	cfg, tensor, _ := reference.Golden13()
	c, err := reference.Checkpoint("golden13", cfg, tensor)
	if err != nil {
		t.Fatal(err)
	}
	p, err := model.Load(t.Context(), d, c, model.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var b bytes.Buffer
	shares, err := New(d).Trace(t.Context(), p, 32, &b)
	if err != nil {
		t.Fatal(err)
	}
	runs, parts := 0, 0.0
	for _, s := range shares {
		runs, parts = runs+s.Runs, parts+s.Part
	}
	var got struct{ TraceEvents []event }
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	by := map[string][]event{}
	for _, e := range got.TraceEvents {
		by[e.Category] = append(by[e.Category], e)
	}
	if runs != len(by["kernel"]) || math.Abs(parts-1) > 0.01 {
		t.Errorf("%d runs of %d kernels take %.3f of the time", runs, len(by["kernel"]), parts)
	}
	if len(by["phase"]) != 1+tracedTokens || len(by["kernel"]) < 100 || len(by["scope"]) < 10 {
		t.Errorf("%d phases, %d scopes, %d kernels", len(by["phase"]), len(by["scope"]), len(by["kernel"]))
	}
	within := func(outer, inner event) bool {
		return outer.Start <= inner.Start+1e-3 && inner.Start+inner.Duration <= outer.Start+outer.Duration+1e-3
	}
	for _, k := range by["kernel"] {
		if !slices.ContainsFunc(by["phase"], func(e event) bool { return within(e, k) }) {
			t.Errorf("%+v lies in no phase", k)
		}
		name := k.Args["value"].(string)
		list := scopes(name)
		if len(list) > 0 && !slices.ContainsFunc(by["scope"], func(e event) bool { return e.Name == list[len(list)-1] && within(e, k) }) {
			t.Errorf("%s lies in no %v", name, list)
		}
	}
	if want := []string{"vision.0", "layers.3", "attention"}; !slices.Equal(scopes("vision.0.layers.3.attention.q"), want) {
		t.Errorf("scopes are %v", scopes("vision.0.layers.3.attention.q"))
	}
}
