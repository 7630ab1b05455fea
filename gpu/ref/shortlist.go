package ref

import (
	"cmp"
	"math"
	"slices"
)

// A Shortlist is what is known of a row of logits without all of them.
type Shortlist struct {
	Best       uint32     // index of the largest, the lowest of equals
	Largest    float32    // the largest
	Bound      float32    // that all listed reach
	Plain, Hot float32    // sums over the row of exp(x - largest), and of exp((x - largest) * heat)
	Listed     []uint32   // indices of all that reach the bound, in order
	Lanes      []Surveyed // what the lanes found
}

// A Surveyed is what a lane found in its part of a row.
type Surveyed struct {
	Largest    float32 // -3.4e38 if the lane has no elements
	Index      uint32
	Plain, Hot float32
}

// MakeShortlist lists the elements of x that reach a bound: the rank-th largest
// of what so many lanes find, each in every lanes-th element.
func MakeShortlist(x []float32, heat float32, lanes, rank int) Shortlist {
	s := Shortlist{Largest: slices.Max(x)}
	s.Best = uint32(slices.Index(x, s.Largest))
	weigh := func(under, heat float32) float64 { return math.Exp(float64(under) * float64(heat)) }
	var plain, hot float64
	var tops []float32
	for l := range lanes {
		f := Surveyed{Largest: -3.4e38, Index: math.MaxUint32}
		for k := l; k < len(x); k += lanes {
			if x[k] > f.Largest {
				f.Largest, f.Index = x[k], uint32(k)
			}
		}
		var p, h float64
		for k := l; k < len(x); k += lanes {
			p, h = p+weigh(x[k]-f.Largest, 1), h+weigh(x[k]-f.Largest, heat)
			plain, hot = plain+weigh(x[k]-s.Largest, 1), hot+weigh(x[k]-s.Largest, heat)
		}
		f.Plain, f.Hot = float32(p), float32(h)
		s.Lanes, tops = append(s.Lanes, f), append(tops, f.Largest)
	}
	s.Plain, s.Hot = float32(plain), float32(hot)
	slices.Sort(tops)
	s.Bound = tops[lanes-rank]
	for i, v := range x {
		if v >= s.Bound {
			s.Listed = append(s.Listed, uint32(i))
		}
	}
	return s
}

// A Lot says how a token is drawn: 1 / temperature, a number from 0 to below 1,
// and what to keep, 1 and 0 for all.
type Lot struct{ Heat, At, TopP, MinP, TopK float32 }

// DrawListed draws of a shortlist of x, and says how far the draw is from where
// it would be another's, as a part of what all weigh.
func DrawListed(x []float32, s Shortlist, d Lot) (token uint32, margin float64) {
	list := slices.Clone(s.Listed)
	weight := func(i uint32) float64 { return math.Exp(float64(x[i]-s.Largest) * float64(d.Heat)) }
	slices.SortFunc(list, func(a, b uint32) int { return cmp.Or(cmp.Compare(x[b], x[a]), cmp.Compare(a, b)) })
	all, n := float64(s.Hot), len(list)
	total := func() (sum float64) {
		for _, i := range list {
			sum += weight(i)
		}
		return sum
	}
	list = slices.DeleteFunc(list, func(i uint32) bool { return weight(i) < float64(d.MinP) || weight(i) == 0 })
	if d.TopK > 0 {
		list = list[:min(len(list), int(d.TopK))]
	}
	if len(list) < n {
		all = total()
	}
	margin = 1
	cut := func(at float64) int {
		sum := 0.0
		for k, i := range list {
			margin = min(margin, math.Abs(sum-at)/all)
			if sum += weight(i); sum >= at {
				margin = min(margin, math.Abs(sum-at)/all)
				return k
			}
		}
		return -1
	}
	if d.TopP < 1 {
		if k := cut(float64(d.TopP) * all); k >= 0 {
			list = list[:k+1]
		}
		all = total()
	}
	if k := cut(float64(d.At) * all); k >= 0 {
		return list[k], margin
	}
	return s.Best, margin
}
