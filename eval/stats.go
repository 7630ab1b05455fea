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

// mean averages the values and bootstraps the interval: percentiles of the
// means of samples drawn with replacement, with a fixed seed.
func mean(values []float64) Mean {
	n := len(values)
	if n == 0 {
		return Mean{}
	}
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	drawn := make([]float64, resamples)
	for i := range drawn {
		sum := 0.0
		for range n {
			sum += values[rng.IntN(n)]
		}
		drawn[i] = sum / float64(n)
	}
	slices.Sort(drawn)
	return Mean{Value: average(values), Low: drawn[resamples*25/1000], High: drawn[resamples*975/1000-1], N: n}
}

func average(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
