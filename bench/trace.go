package bench

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
)

// An event is one of Chrome's trace event format, a complete one ("X"), of which
// those that lie within others are drawn below them. Times are microseconds.
type event struct {
	Name     string         `json:"name"`
	Category string         `json:"cat"`
	Phase    string         `json:"ph"`
	Start    float64        `json:"ts"`
	Duration float64        `json:"dur"`
	Process  int            `json:"pid"`
	Thread   int            `json:"tid"`
	Args     map[string]any `json:"args,omitempty"`
}

const tracedTokens = 4

// Trace runs a prompt of 64 tokens, with a picture of that side if the model
// sees any, and a few tokens after it, and writes what the device's clock saw of
// each kernel as a Chrome trace: phases, in them layers, in them kernels. Open it
// in chrome://tracing or Perfetto. It returns what each kernel took of it, the
// most first. Between submissions the clock knows nothing, so they are drawn one
// after the other without gaps.
func (r *Report) Trace(ctx context.Context, p *model.Pixtral, side int, w io.Writer) ([]Share, error) {
	clock, err := p.Device().NewClock()
	if err != nil {
		return nil, err
	}
	q := prompt(p, 64)
	if p.Config.VisionEncoder != nil {
		img, err := image(p, side, 0)
		if err != nil {
			return nil, err
		}
		q.Tokens = append(layout(p, img.Grid), q.Tokens...)
		q.Images = []*pixels.Patches{img}
	}
	s, err := p.NewSession(model.SessionOptions{Context: len(q.Tokens) + tracedTokens + 2, KV: r.KV})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	s.Clock = clock
	t := &tracer{clock: clock}
	if err := s.Sync(ctx, q); err != nil {
		return nil, err
	}
	t.phase("prompt of " + plural(len(q.Tokens), "token"))
	for i := range tracedTokens {
		tok, err := s.Best()
		if err == nil {
			err = s.Step(ctx, tok)
		}
		if err != nil {
			return nil, err
		}
		t.phase(fmt.Sprintf("token %d", i+1))
	}
	return t.shares(), json.NewEncoder(w).Encode(map[string]any{"traceEvents": t.events, "displayTimeUnit": "ms"})
}

// A Share is what the runs of a kernel took together.
type Share struct {
	Kernel string
	Runs   int
	Time   time.Duration
	Part   float64 // of the time of all kernels
}

// shares adds the kernels up.
func (t *tracer) shares() []Share {
	by, all := map[string]Share{}, 0.0
	for _, e := range t.events {
		if e.Category == "kernel" {
			s := by[e.Name]
			by[e.Name] = Share{Kernel: e.Name, Runs: s.Runs + 1, Time: s.Time + time.Duration(1e3*e.Duration)}
			all += 1e3 * e.Duration
		}
	}
	list := slices.SortedFunc(maps.Values(by), func(a, b Share) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.Kernel, b.Kernel))
	})
	for i := range list {
		list[i].Part = float64(list[i].Time) / max(all, 1)
	}
	return list
}

// A tracer turns spans into events.
type tracer struct {
	clock  *gpu.Clock
	events []event
	now    time.Duration // the end of what was drawn
	open   []event       // scopes that the last span was in
}

// phase draws the spans since the last phase as one of that name.
func (t *tracer) phase(name string) {
	begin, base := t.now, t.now
	for _, span := range t.clock.Spans {
		if span.Start == 0 { // the first of a submission
			base = t.now
		}
		start := max(base+span.Start, t.now)
		t.enter(scopes(span.Name), start)
		t.events = append(t.events, complete(span.Kernel, "kernel", start, span.Duration, span.Name))
		t.now = start + span.Duration
	}
	t.enter(nil, t.now)
	t.events = append(t.events, complete(name, "phase", begin, t.now-begin, ""))
	t.clock.Spans = t.clock.Spans[:0]
}

// enter ends the scopes that are left and begins those that are new.
func (t *tracer) enter(path []string, at time.Duration) {
	same := 0
	for same < min(len(path), len(t.open)) && t.open[same].Name == path[same] {
		same++
	}
	for _, e := range slices.Backward(t.open[same:]) {
		e.Duration = micros(t.now) - e.Start
		t.events = append(t.events, e)
	}
	t.open = t.open[:same]
	for _, name := range path[same:] {
		t.open = append(t.open, complete(name, "scope", at, 0, ""))
	}
}

// scopes parts the name of a value: vision.0.layers.3.attention.q lies in
// vision.0, layers.3 and attention.
func scopes(name string) (list []string) {
	parts := strings.Split(name, ".")
	for _, part := range parts[:len(parts)-1] {
		if last := len(list) - 1; last >= 0 && part != "" && part[0] >= '0' && part[0] <= '9' {
			list[last] += "." + part
			continue
		}
		list = append(list, part)
	}
	return list
}

func complete(name, category string, start, duration time.Duration, value string) event {
	e := event{Name: name, Category: category, Phase: "X", Start: micros(start), Duration: micros(duration), Process: 1, Thread: 1}
	if value != "" {
		e.Args = map[string]any{"value": value}
	}
	return e
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
