package gpu

import (
	"testing"

	"pixtral-wgpu/shaders"
)

// What is taped is recorded once and done each time, allocates nothing, and is
// recorded anew when memory, params or ways may have changed, when it was
// interrupted, and where somebody watches.
func TestTape(t *testing.T) {
	d := open(t, Options{})
	x, err := d.UploadFloats("x", []float32{1, 2, 3, 4}, 4)
	check(t, err)
	y, err := d.New("y", F32, 4)
	check(t, err)
	from, err := d.New("from", F32, 4*maxParams)
	check(t, err)
	aside, err := d.New("aside", F32, 4*maxParams)
	check(t, err)
	var tape Tape
	r := d.Record()
	recorded, done := 0, 0
	play := func(f func()) {
		done++
		r.Taped(&tape, f)
		check(t, r.Submit())
	}
	once := func() { recorded++; add(r, y, x) }
	play(once)
	if n := testing.AllocsPerRun(20, func() { play(once) }); n > 0 || recorded != 1 {
		t.Errorf("recorded %d times, %v allocations each time", recorded, n)
	}
	for _, why := range []struct {
		what  string
		f     func()
		times int
	}{
		{"nothing", func() {}, 0},
		{"a tensor is freed", func() {
			z, err := d.New("z", F32, 4)
			check(t, err)
			d.Free(z)
		}, 1},
		{"a value is read", func() {
			_, err := d.Floats(y)
			check(t, err)
		}, 0},
		{"a way is preferred", func() { d.Prefer(Use{Op: "test"}, Way{}) }, 1},
		{"params give way to others", func() {
			other := d.Record()
			for i := range maxParams {
				other.Dispatch(Dispatch{Kernel: shaders.Variant{Kernel: "add"}, Params: addParams{uint32(i)}, Read: []Tensor{from}, Write: aside})
			}
			check(t, other.Submit())
		}, 1},
		{"it is erased", tape.Erase, 1},
		{"the budget is small", func() { d.pace.budget = 1 }, 1},
		{"the budget is large", func() { d.pace.budget = 1e9 }, 0},
		{"somebody watches", func() { r.Tap = func(*Recorder, string, Tensor) {} }, 1},
		{"nobody does", func() { r.Tap = nil }, 0},
	} {
		recorded = 0
		why.f()
		play(once)
		if recorded != why.times {
			t.Errorf("%s: recorded %d times, want %d", why.what, recorded, why.times)
		}
	}
	recorded = 0
	torn := func() {
		once()
		r.Fail(r.flush())
		once()
		done++
	}
	tape.Erase()
	play(torn)
	play(torn)
	if recorded != 4 {
		t.Errorf("what two submissions share: recorded %d times, want 4", recorded)
	}
	got, err := d.Floats(y)
	check(t, err)
	if want := float32(4 * done); got[3] != want {
		t.Errorf("y ends with %v, want %v", got[3], want)
	}
}
