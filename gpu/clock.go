package gpu

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/oliverbestmann/webgpu/wgpu"
)

// A Span is one dispatch as the GPU timed it.
type Span struct {
	Kernel   string        // the variant
	Name     string        // the value it wrote, with its scopes
	Start    time.Duration // since the first span of its submission
	Duration time.Duration
	Work     float64 // multiply-adds, about
	Bytes    uint64  // read and written, about
}

// A Clock measures dispatches with GPU timestamps. Give one to a Recorder: each
// dispatch then runs in a pass of its own, which costs a little. A nil Clock
// does nothing.
type Clock struct {
	Spans []Span

	queries *wgpu.QuerySet
	ticks   Tensor // two u64 a span, resolved
	pending []Span
}

const maxSpans = 1024

// NewClock makes a clock, or an error where the adapter has no timestamps.
func (d *Device) NewClock() (*Clock, error) {
	if !d.dev.HasFeature(wgpu.FeatureNameTimestampQuery) {
		return nil, fmt.Errorf("gpu: %v has no timestamps", d.Info)
	}
	q, err := d.dev.TryCreateQuerySet(&wgpu.QuerySetDescriptor{Label: "clock", Type: wgpu.QueryTypeTimestamp, Count: 2 * maxSpans})
	if err = d.check(err); err != nil {
		return nil, fmt.Errorf("gpu: clock: %w", err)
	}
	buf, err := d.allocate("clock", 16*maxSpans, wgpu.BufferUsageQueryResolve|wgpu.BufferUsageCopySrc)
	if err != nil {
		return nil, err
	}
	return &Clock{queries: q, ticks: Tensor{Name: "clock", Type: U32, Shape: []int{maxSpans, 4}, buf: buf}}, nil
}

// Free gives the clock's memory back.
func (c *Clock) Free(d *Device) {
	d.Free(c.ticks)
	c.queries.Release()
}

func (c *Clock) full() bool { return c != nil && len(c.pending) == maxSpans }

// next takes note of a dispatch that will be timed.
func (c *Clock) next(s Span) {
	c.pending = append(c.pending, s)
}

// read waits for the timestamps of a submission and adds its spans.
func (c *Clock) read(d *Device) error {
	if c == nil || len(c.pending) == 0 {
		return nil
	}
	b, err := d.read(c.ticks.Rows(len(c.pending)))
	if err != nil {
		return err
	}
	period := timestampPeriod(d.queue)
	since := func(from, to uint64) time.Duration {
		if to < from {
			return 0 // some drivers' counters step back
		}
		return time.Duration(float64(to-from) * period)
	}
	zero := binary.LittleEndian.Uint64(b)
	for i, s := range c.pending {
		begin, end := binary.LittleEndian.Uint64(b[16*i:]), binary.LittleEndian.Uint64(b[16*i+8:])
		s.Start, s.Duration = since(zero, begin), since(begin, end)
		c.Spans = append(c.Spans, s)
	}
	c.pending = c.pending[:0]
	return nil
}
