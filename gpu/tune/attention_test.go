package tune

import (
	"testing"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
)

// Every way of attention that the device may prefer agrees with the slow one here.
func TestAttentionWays(t *testing.T) {
	d := device(t)
	for _, u := range []gpu.Use{
		{Op: ops.Attend, Format: "f16"}, {Op: ops.Attend, Format: "q8_0"},
		{Op: ops.AttendMany, Format: "f16"}, {Op: ops.AttendMany, Format: "f32"}, {Op: ops.AttendMany, Format: "q8_0"},
	} {
		tr, err := newTrial(t.Context(), d, u)
		if err != nil {
			t.Fatal(err)
		}
		for _, way := range ops.Ways(d, u) {
			if err := tr.check(t.Context(), way); err != nil && ops.Holds(d, way, tr.small.headDim) {
				t.Errorf("%+v: %+v: %v", u, way, err)
			}
		}
		tr.free()
	}
	if _, err := newTrial(t.Context(), d, gpu.Use{Op: ops.Attend, Format: "q4_0"}); err == nil {
		t.Error("a cache of q4_0 was taken")
	}
}

// What a model is tuned for has ways, those of its images in f32.
func TestUses(t *testing.T) {
	d := device(t)
	for _, u := range Uses(nil, "f16", true) {
		if len(ops.Ways(d, u)) < 1 {
			t.Errorf("no way of %+v", u)
		}
	}
	if a, b := len(Uses(nil, "f16", true)), len(Uses(nil, "f16", false)); a != b+1 {
		t.Errorf("%d uses with images, %d without", a, b)
	}
}
