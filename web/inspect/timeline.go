package inspect

import (
	"context"
	"strings"
	"time"

	"pixtral-wgpu/bench"
	"pixtral-wgpu/model"
)

// Rates are what the device can do at best, measured once.
type Rates struct {
	ReadGBs float64 // gigabytes read in a second, as a matrix × vector product reads
	GFLOPs  float64 // operations in a second, of the best matrix product
}

// A Kernel is one kernel of a token, as the GPU's clock saw it.
type Kernel struct {
	Kernel   string
	Value    string // it wrote, with its scopes
	Start    time.Duration
	Duration time.Duration
	Bytes    uint64  // moved
	FLOP     float64 // operations
	Ceiling  float64 // per cent of what the device could do, by bytes or by operations, whichever binds
}

// Timeline evaluates the last token once more under the clock.
func (i *Inspection) Timeline(ctx context.Context) ([]Kernel, Rates, error) {
	var kernels []Kernel
	var rates Rates
	err := i.with(ctx, func(ctx context.Context, p *model.Pixtral) error {
		if i.store.rates == nil {
			report := bench.New(p.Device())
			report.Samples = 5
			if err := report.Ceilings(ctx, p.Device()); err != nil {
				return err
			}
			i.store.rates = &Rates{report.ReadRate, report.MathRate}
		}
		rates = *i.store.rates
		if _, err := i.session.Timeline(ctx); err != nil { // the first run warms the caches
			return err
		}
		spans, err := i.session.Timeline(ctx)
		if err != nil {
			return err
		}
		var base, end time.Duration
		for _, s := range spans {
			if s.Start == 0 { // the first of a submission
				base = end
			}
			k := Kernel{Kernel: s.Kernel, Value: s.Name, Start: base + s.Start, Duration: s.Duration, Bytes: s.Bytes}
			if strings.HasPrefix(s.Kernel, "linear") || strings.HasPrefix(s.Kernel, "attention") {
				k.FLOP = 2 * s.Work // of the others, work is a measure of waiting
			}
			end = max(end, k.Start+k.Duration)
			if seconds := s.Duration.Seconds(); seconds > 0 {
				k.Ceiling = 100 * max(float64(k.Bytes)/1e9/rates.ReadGBs, k.FLOP/1e9/rates.GFLOPs) / seconds
			}
			kernels = append(kernels, k)
		}
		return nil
	})
	return kernels, rates, err
}
