//go:build llamacpp

package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// A duel is one comparison: ours and theirs do the same work and return the
// time it took.
type duel struct {
	name         string
	work         float64 // of one run, in units
	unit         string
	ours, theirs func() (time.Duration, error)
}

// An outcome is the times of a duel, one of each side a round.
type outcome struct {
	ours, theirs []time.Duration
	ratios       []float64 // theirs / ours of each round, sorted: above 1 we are faster
}

// fight runs both sides in turn, ours, theirs, ours, theirs, after one of each
// that is not counted, so that whatever else the machine does meets both.
func (d duel) fight(ctx context.Context, rounds int) (o outcome, err error) {
	for i := range rounds + 1 {
		if err := ctx.Err(); err != nil {
			return o, err
		}
		ours, err := d.ours()
		if err != nil {
			return o, fmt.Errorf("%s: ours: %w", d.name, err)
		}
		theirs, err := d.theirs()
		if err != nil {
			return o, fmt.Errorf("%s: %w", d.name, err)
		}
		if i == 0 {
			continue
		}
		o.ours, o.theirs = append(o.ours, ours), append(o.theirs, theirs)
		o.ratios = append(o.ratios, theirs.Seconds()/ours.Seconds())
	}
	slices.Sort(o.ours)
	slices.Sort(o.theirs)
	slices.Sort(o.ratios)
	return o, nil
}

func median[T any](sorted []T) T { return sorted[len(sorted)/2] }

// show prints a duel and how it went: rates of the median times, and the ratio
// of each round by its median, least and greatest.
func (d duel) show(o outcome) {
	fmt.Printf("%-34s %9.2f %9.2f %-8s %5.2f× (%.2f to %.2f of %d)\n", d.name,
		d.work/median(o.ours).Seconds(), d.work/median(o.theirs).Seconds(), d.unit,
		median(o.ratios), o.ratios[0], o.ratios[len(o.ratios)-1], len(o.ratios))
}

// heading names the columns of show.
func heading(ours, theirs string) {
	fmt.Printf("ours on %s, llama.cpp on %s\n%-34s %9s %9s\n", ours, theirs, "", "ours", "llama.cpp")
}

func asDuration(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second))
}
