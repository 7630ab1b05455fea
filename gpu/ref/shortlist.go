package ref

import (
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
