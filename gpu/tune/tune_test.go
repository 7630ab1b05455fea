package tune

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/quant"
)

func device(t *testing.T) *gpu.Device {
	t.Helper()
	d, err := gpu.Open(gpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// A clock says that the n-th thing it times takes times[n], and counts.
type clock struct {
	times []time.Duration
	asked int
}

func (c *clock) time(_ context.Context, d *gpu.Device, record func(r *gpu.Recorder)) (time.Duration, error) {
	r := d.Record()
	record(r)
	if err := r.Submit(); err != nil {
		return 0, err
	}
	c.asked++
	if c.asked > len(c.times) {
		return time.Second, nil
	}
	return c.times[c.asked-1], nil
}

var use = gpu.Use{Op: ops.Each, Format: quant.Q4_0.Name}

// The fastest way wins, is kept, and is not looked for again until asked.
func TestTune(t *testing.T) {
	d, dir := device(t), t.TempDir()
	ways := ops.Ways(d, use)
	if len(ways) < 3 {
		t.Fatal(ways)
	}
	before, _ := d.Used()
	c := &clock{times: []time.Duration{100, 90, 50}}
	o := Options{Dir: dir, Timer: c.time, Budget: time.Hour}
	tune := func() {
		t.Helper()
		d.Prefer(use, gpu.Way{})
		if err := Device(t.Context(), d, []gpu.Use{use}, o); err != nil {
			t.Fatal(err)
		}
	}
	tune()
	if got := d.Preferred(use); got != ways[2] || c.asked != len(ways)+2*duels {
		t.Errorf("prefers %+v after %d, want %+v", got, c.asked, ways[2])
	}
	if now, _ := d.Used(); now != before {
		t.Errorf("%d bytes are in use, %d were", now, before)
	}
	c.asked = 0
	tune()
	if got := d.Preferred(use); got != ways[2] || c.asked != 0 {
		t.Errorf("prefers %+v after %d by the cache", got, c.asked)
	}
	c.times, o.Again = []time.Duration{100, 96, 99}, true // faster, but not by what chance gives
	tune()
	if got := d.Preferred(use); got != (gpu.Way{}) || c.asked != len(ways) {
		t.Errorf("prefers %+v after %d once more", got, c.asked)
	}
	// Something else ran while the plain way was timed first: it is asked again.
	c.times = append([]time.Duration{500, 90, 80}, make([]time.Duration, len(ways)-3)...)
	for i := 3; i < len(ways); i++ {
		c.times[i] = 85
	}
	c.times = append(c.times, 70, 80)
	c.asked = 0
	tune()
	if got := d.Preferred(use); got != (gpu.Way{}) || c.asked != len(ways)+2*duels {
		t.Errorf("prefers %+v after %d in spite of the second time", got, c.asked)
	}
	other := gpu.Use{Op: ops.Norm}
	if err := Device(t.Context(), d, []gpu.Use{other}, Options{Dir: dir, Timer: c.time}); err != nil {
		t.Fatal(err)
	}
	c.asked, o.Again = 0, false
	tune()
	if c.asked != 0 {
		t.Error("a second use drove the first out of the cache")
	}
}

// A cache that is cut, of another key, or names kernels that are no way of the
// device is no cache, and is written anew.
func TestBrokenCache(t *testing.T) {
	d, dir := device(t), t.TempDir()
	c := &clock{}
	tune := func() {
		t.Helper()
		c.asked = 0
		if err := Device(t.Context(), d, []gpu.Use{use}, Options{Dir: dir, Timer: c.time}); err != nil {
			t.Fatal(err)
		}
	}
	tune()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for name, broken := range map[string]string{
		"cut":         string(whole[:len(whole)/2]),
		"empty":       "",
		"another key": strings.Replace(string(whole), d.Info.Name, "another", 1),
		"a kernel":    strings.Replace(string(whole), `"kernel": ""`, `"kernel": "linear_tile", "rows": 77`, 1),
	} {
		if broken == string(whole) {
			t.Fatal(name)
		}
		if err := os.WriteFile(files[0], []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		if tune(); c.asked == 0 {
			t.Errorf("%s: was believed", name)
		}
		if tune(); c.asked != 0 {
			t.Errorf("%s: was not written anew", name)
		}
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	warned := ""
	o := Options{Dir: filepath.Join(dir, "file"), Timer: c.time, Warn: func(text string) { warned = text }}
	if err := Device(t.Context(), d, []gpu.Use{use}, o); err != nil || warned == "" {
		t.Errorf("without a place to write: %v, %q", err, warned)
	}
}

// What is wrong never wins, however fast it is.
func TestWrongLoses(t *testing.T) {
	d := device(t)
	tr, err := newTrial(t.Context(), d, use)
	defer tr.free()
	if err != nil {
		t.Fatal(err)
	}
	for _, way := range ops.Ways(d, use) {
		if err := tr.check(t.Context(), way); err != nil {
			t.Errorf("%+v: %v", way, err)
		}
	}
	tr.want[0] *= 1.5
	tr.want[slices.Index(tr.want, slices.Max(tr.want))] *= 2
	if _, err := tr.try(t.Context(), (&clock{}).time, gpu.Way{Kernel: "linear_vec", Lanes: 8, Rows: 4}); err == nil {
		t.Error("a result that differs was taken")
	}
	if _, err := tr.try(t.Context(), (&clock{}).time, gpu.Way{Kernel: "nonsense"}); err == nil {
		t.Error("a kernel that is none was taken")
	}
}
