package model

import "fmt"

// A join is a matrix of a layer as it lies on the device: matrices that are
// multiplied with the same row lie together, so that one dispatch takes them all.
type join struct {
	role  string // "wqkv", "wo", "w13", "w1", "w3" or "w2"
	place Placement
}

// slot names joins that may take turns in the same memory.
func (j join) slot() string {
	return fmt.Sprint(j.role, " ", j.place.Shape[0], " ", j.place.Device.Name)
}

// joins returns the matrices of the layer whose tensors begin with prefix. wq, wk
// and wv follow one another, as many in one as lie in the same format; rows of w1
// and w3 take turns, so that those which meet in SwiGLU are neighbours.
func joins(prefix string, tensors map[string]Placement) []join {
	of := func(name string) Placement { return tensors[prefix+name+".weight"] }
	var list []join
	for _, p := range []Placement{of("attention.wq"), of("attention.wk"), of("attention.wv")} {
		if n := len(list); n > 0 && alike(list[n-1].place, p) {
			list[n-1].place = stacked(list[n-1].place, p)
		} else {
			list = append(list, join{"wqkv", p})
		}
	}
	list = append(list, join{"wo", of("attention.wo")})
	if w1, w3 := of("feed_forward.w1"), of("feed_forward.w3"); alike(w1, w3) {
		list = append(list, join{"w13", inTurn(w1, w3)})
	} else {
		list = append(list, join{"w1", w1}, join{"w3", w3})
	}
	return append(list, join{"w2", of("feed_forward.w2")})
}

// alike reports whether matrices can be joined.
func alike(a, b Placement) bool {
	return a.Device.Name == b.Device.Name && a.Format.Name == b.Format.Name
}

// joined returns a and b as one, but for the way to its rows.
func joined(a, b Placement) Placement {
	a.Name += " and " + b.Name
	a.Origin += " and " + b.Origin
	a.Shape = []int{a.Shape[0] + b.Shape[0], a.Cols()}
	a.DeviceBytes += b.DeviceBytes
	return a
}

// stacked returns the rows of a and then those of b.
func stacked(a, b Placement) Placement {
	j, first := joined(a, b), a.Shape[0]
	j.Rows = func(from, to int) ([]byte, error) {
		switch {
		case to <= first:
			return a.Rows(from, to)
		case from >= first:
			return b.Rows(from-first, to-first)
		}
		above, err := a.Rows(from, first)
		if err != nil {
			return nil, err
		}
		below, err := b.Rows(0, to-first)
		return append(append(make([]byte, 0, len(above)+len(below)), above...), below...), err
	}
	return j
}

// inTurn returns row 0 of a, row 0 of b, row 1 of a, and so on.
func inTurn(a, b Placement) Placement {
	j, size := joined(a, b), a.RowBytes()
	j.Rows = func(from, to int) ([]byte, error) {
		first, end := from/2, (to+1)/2
		even, err := a.Rows(first, end)
		if err != nil {
			return nil, err
		}
		odd, err := b.Rows(first, end)
		if err != nil {
			return nil, err
		}
		rows := make([]byte, 0, (to-from)*size)
		for row := from; row < to; row++ {
			source, at := even, (row/2-first)*size
			if row%2 == 1 {
				source = odd
			}
			rows = append(rows, source[at:at+size]...)
		}
		return rows, nil
	}
	return j
}
