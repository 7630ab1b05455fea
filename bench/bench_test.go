package bench

import (
	"testing"

	"pixtral-wgpu/gpu"
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
	} {
		if err := measure(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(r.Rows) != 6 || told != 6 {
		t.Errorf("%d rows, told of %d; want 6", len(r.Rows), told)
	}
	for _, row := range r.Rows {
		if row.Median <= 0 || row.Low > row.Median || row.Median > row.High || !(row.Rate > 0) {
			t.Errorf("a row is %+v", row)
		}
	}
}
