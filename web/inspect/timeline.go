package inspect

import (
	"context"
	"iter"
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

// ceilings measures the device's rates with the first timeline that is asked
// for. Between two samples the engine goes on with the answers of others.
func (s *Store) ceilings(ctx context.Context) (Rates, error) {
	select {
	case s.measuring <- struct{}{}:
		defer func() { <-s.measuring }()
	case <-ctx.Done():
		return Rates{}, ctx.Err()
	}
	if s.rates != nil {
		return *s.rates, nil
	}
	var on *model.Pixtral
	var report *bench.Report
	next, stop := iter.Pull(func(yield func(error) bool) {
		report = bench.New(on.Device())
		report.Samples = 5
		report.Between = func() error {
			if !yield(nil) {
				return context.Canceled
			}
			return nil
		}
		if err := report.Roof(ctx, on.Device()); err != nil {
			yield(err)
		}
	})
	defer s.engine.Exclusive(context.WithoutCancel(ctx), func(context.Context, *model.Pixtral) error {
		stop() // frees what it has on the device, if it was left in the middle
		return nil
	})
	for going := true; going; {
		err := s.engine.Exclusive(ctx, func(_ context.Context, p *model.Pixtral) (err error) {
			if on == nil {
				on = p
			} else if on != p {
				return ErrGone
			}
			err, going = next()
			return err
		})
		if err != nil {
			return Rates{}, err
		}
	}
	s.rates = &Rates{report.ReadRate, report.MathRate}
	return *s.rates, nil
}

// Timeline evaluates the last token once more under the clock.
func (i *Inspection) Timeline(ctx context.Context) ([]Kernel, Rates, error) {
	rates, err := i.store.ceilings(ctx)
	if err != nil {
		return nil, rates, err
	}
	var kernels []Kernel
	err = i.with(ctx, func(ctx context.Context, p *model.Pixtral) error {
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
