// Package bench measures a device and a model on it against the device's own
// ceilings, which it measures first: how fast memory is read and copied, and
// how fast the best matrix product runs. A figure without its ceiling says
// little; a ratio to what the same machine could do says where time is lost.
package bench

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"pixtral-wgpu/gpu"
)

// A Row is one measurement.
type Row struct {
	Group   string        `json:"group"` // "ceiling", "kernels", "decode", …
	Name    string        `json:"name"`
	Model   string        `json:"model,omitempty"` // none of a row that no model has a part in
	Median  time.Duration `json:"median_ns"`
	Low     time.Duration `json:"p10_ns"`
	High    time.Duration `json:"p90_ns"`
	Samples int           `json:"samples"`
	Rate    float64       `json:"rate"` // of the median, in Unit
	Unit    string        `json:"unit"`
	Ceiling float64       `json:"percent_of_ceiling"` // 0 if there is none to compare with
	Note    string        `json:"note,omitempty"`
}

// A Report is a set of rows and where they were measured.
type Report struct {
	Device  gpu.Info  `json:"device"`
	Native  string    `json:"wgpu_native"`
	Model   string    `json:"model,omitempty"` // that the rows to come are of
	Time    time.Time `json:"time"`
	KV      string    `json:"kv,omitempty"` // type of keys and values, as model.SessionOptions has it
	Samples int       `json:"-"`            // least samples of a row; 0 means 20

	Between func() error  `json:"-"` // called between samples, for those who share the device; may be nil
	Longest time.Duration `json:"-"` // a row of slow samples ends here, with at least five; 0 means 20 s

	CopyRate  float64   `json:"copy_gb_per_s"`  // read and written bytes together
	ReadRate  float64   `json:"read_gb_per_s"`  // as matrix × vector reads
	WriteRate float64   `json:"write_gb_per_s"` // from the host to the device
	MathRate  float64   `json:"gflop_per_s"`    // of the best matrix product
	Rows      []Row     `json:"rows"`
	OnRow     func(Row) `json:"-"` // told of each row as it is measured; may be nil
}

// New begins a report about a device.
func New(d *gpu.Device) *Report {
	return &Report{Device: d.Info, Native: gpu.NativeVersion(), Time: time.Now()}
}

const (
	leastSamples = 20
	warmUps      = 3
	longest      = 20 * time.Second
)

func (r *Report) longest() time.Duration { return cmp.Or(r.Longest, longest) }

// sample runs f again and again and returns the sorted times of one run.
func (r *Report) sample(ctx context.Context, f func() error) ([]time.Duration, error) {
	c := r.collect()
	for c.more() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		c.begin()
		if err := f(); err != nil {
			return nil, err
		}
		c.end()
		if r.Between != nil {
			if err := r.Between(); err != nil {
				return nil, err
			}
		}
	}
	return c.sorted(), nil
}

// A collection is the times of a row.
type collection struct {
	least, runs int
	longest     time.Duration
	start, last time.Time
	times       []time.Duration
}

func (r *Report) collect() *collection {
	least := leastSamples
	if r.Samples > 0 {
		least = r.Samples
	}
	return &collection{least: least, longest: r.longest(), times: make([]time.Duration, 0, least)}
}

// more reports whether more runs are wanted.
func (c *collection) more() bool {
	return len(c.times) < c.least && (len(c.times) < 5 || time.Since(c.start) < c.longest)
}

// begin begins a run, end ends it and begins the next. The row's time is counted from the
// first on: what a prompt took before it is not.
func (c *collection) begin() {
	c.last = time.Now()
	if c.runs == 0 {
		c.start = c.last
	}
}

func (c *collection) end() {
	now := time.Now()
	if c.runs >= min(warmUps, c.least) || c.runs > 0 && now.Sub(c.start) > c.longest/4 {
		c.times = append(c.times, now.Sub(c.last))
	}
	c.runs, c.last = c.runs+1, now
}

func (c *collection) sorted() []time.Duration {
	slices.Sort(c.times)
	return c.times
}

// A result is what a row is made of.
type result struct {
	group, name string
	times       []time.Duration // sorted
	amount      float64         // of one sample, in units
	unit        string
	work, best  float64 // of one sample, and what the device could do of it in a second; 0 if nobody knows
	note        string
}

// add makes a row of a result.
func (r *Report) add(x result) Row {
	at := func(q float64) time.Duration { return x.times[int(q*float64(len(x.times)-1)+0.5)] }
	seconds := max(at(0.5), 1).Seconds()
	row := Row{
		Group: x.group, Name: x.name, Median: at(0.5), Low: at(0.1), High: at(0.9), Samples: len(x.times),
		Rate: x.amount / seconds, Unit: x.unit, Note: x.note,
	}
	if x.group != "ceilings" && x.group != "kernels" {
		row.Model = r.Model
	}
	if x.best > 0 {
		row.Ceiling = 100 * x.work / seconds / x.best
	}
	r.Rows = append(r.Rows, row)
	if r.OnRow != nil {
		r.OnRow(row)
	}
	return row
}

// noise fills a slice with numbers that no cache or clock gate likes: never zeros.
func noise(n int) []float32 {
	v := make([]float32, n)
	x := uint32(2463534242)
	for i := range v {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		v[i] = float32(int32(x)) / math.MaxInt32
	}
	return v
}
