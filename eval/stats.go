package eval

import (
	"math/rand/v2"
	"slices"
)

// A Mean is an average over items and its 95 % interval.
type Mean struct {
	Value     float64 `json:"value"`
	Low, High float64
	N         int `json:"n"`
}

// resamples is how often the items are drawn anew; the ends of a 95 % interval
// then move by less than a tenth of its width from seed to seed.
const resamples = 2000

// A sample is an item's score and what it weighs.
type sample struct{ value, weight float64 }

// mean averages the samples and bootstraps the interval: percentiles of the
// means of as many samples drawn with replacement, with a fixed seed.
func mean(list []sample) Mean {
	n := len(list)
	if n == 0 {
		return Mean{}
	}
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	drawn, means := make([]sample, n), make([]float64, resamples)
	for i := range means {
		for j := range drawn {
			drawn[j] = list[rng.IntN(n)]
		}
		means[i] = average(drawn)
	}
	slices.Sort(means)
	return Mean{Value: average(list), Low: means[resamples*25/1000], High: means[resamples*975/1000-1], N: n}
}

func average(list []sample) float64 {
	sum, weight := 0.0, 0.0
	for _, s := range list {
		sum += s.value * s.weight
		weight += s.weight
	}
	return sum / weight
}
