package verify

import (
	"fmt"
	"math"
	"slices"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/ref"
)

// shortlistChecks hold each of the three kernels of a shortlist to the twin of
// the whole.
func shortlistChecks() []Check {
	var list []Check
	for _, s := range [][2]int{{1, 64}, {2, 1023}, {3, 1025}, {1, 131072}} { // rows, columns: fewer than lanes, around them, Pixtral's vocabulary
		for _, kernel := range []string{"survey", "shortlist", "shortlist_fill"} {
			list = append(list, Check{kernel, fmt.Sprint(s), func(d *gpu.Device) error {
				return on(d, func(b *bench) error { return shortlist(b, kernel, s[0], s[1]) })
			}})
		}
	}
	return append(list, Check{"shortlist_draw", "samplers of all kinds", func(d *gpu.Device) error {
		return on(d, shortlistDraw)
	}})
}

// shortlistDraw draws by many samplers, and passes over what rounding decides.
func shortlistDraw(b *bench) error {
	const cols, rows = 3000, 200
	xs, draws, heat := noise(1, rows*cols), make([]float32, rows*ops.LotWords), make([]float32, rows)
	var want []ref.Lot
	for row := range rows {
		u := float32(row) * 0.618
		d := ref.Lot{Heat: 1 + float32(row%5)*10, At: u - float32(math.Floor(float64(u))), TopP: 1}
		switch row % 4 {
		case 1:
			d.TopP = 0.3
		case 2:
			d.MinP = 0.2
		case 3:
			d.TopK = float32(1 + row%40)
		}
		if row%3 == 0 {
			d.TopP = 0.7
		}
		want, heat[row] = append(want, d), d.Heat
		copy(draws[row*ops.LotWords:], []float32{d.Heat, d.At, d.TopP, d.MinP, d.TopK})
	}
	x, h, s := b.floats("x", xs, rows, cols), b.floats("heat", heat, rows), b.floats("draws", draws, rows, ops.LotWords)
	found := b.keep(b.d.New("found", gpu.U32, rows, ops.SurveyLanes, 4))
	lists := b.keep(b.d.New("lists", gpu.U32, rows, ops.ShortlistWords))
	y := b.ints("y", slices.Repeat([]uint32{9}, rows))
	b.run(func(r *gpu.Recorder) {
		ops.Shortlist(r, lists, found, x, h)
		ops.ShortlistDraw(r, y, lists, s)
	})
	if b.err != nil {
		return b.err
	}
	got, err := b.d.Ints(y)
	if err != nil {
		return err
	}
	sure := 0
	for row, d := range want {
		x := xs[row*cols : (row+1)*cols]
		token, margin := ref.DrawListed(x, ref.MakeShortlist(x, d.Heat, ops.SurveyLanes, ops.ShortlistRank), d)
		if margin < 1e-5 {
			continue
		}
		if sure++; got[row] != token {
			return fmt.Errorf("differs from its Go twin: %+v draws %d, want %d", d, got[row], token)
		}
	}
	if sure < rows*9/10 {
		return fmt.Errorf("rounding decides %d of %d draws", rows-sure, rows)
	}
	return nil
}

func shortlist(b *bench, kernel string, rows, cols int) error {
	xs, heat := noise(1, rows*cols), []float32{2, 1, 0.5}[:rows]
	for i := range xs {
		xs[i] *= 8
	}
	xs[len(xs)-1], xs[len(xs)-cols/2] = 1e5, 1e5 // two equals: the first wins; one so large that nothing else weighs
	x, h := b.floats("x", xs, rows, cols), b.floats("heat", heat, rows)
	found := b.keep(b.d.UploadInts("found", make([]uint32, 4*rows*ops.SurveyLanes), rows, ops.SurveyLanes, 4))
	y := b.keep(b.d.UploadInts("y", slices.Repeat([]uint32{9}, rows*ops.ShortlistWords), rows, ops.ShortlistWords))
	b.run(func(r *gpu.Recorder) { ops.Shortlist(r, y, found, x, h) })
	if b.err != nil {
		return b.err
	}
	lanes, err := b.d.Ints(found)
	if err != nil {
		return err
	}
	lists, err := b.d.Ints(y)
	if err != nil {
		return err
	}
	for row := range rows {
		want := ref.MakeShortlist(xs[row*cols:(row+1)*cols], heat[row], ops.SurveyLanes, ops.ShortlistRank)
		switch kernel {
		case "survey":
			err = surveyed(lanes[4*row*ops.SurveyLanes:], want)
		case "shortlist":
			err = listHead(lists[row*ops.ShortlistWords:], want)
		default:
			err = listed(lists[row*ops.ShortlistWords:(row+1)*ops.ShortlistWords], xs[row*cols:], want)
		}
		if err != nil {
			return fmt.Errorf("row %d: %w", row, err)
		}
	}
	return nil
}

// surveyed compares what the lanes found.
func surveyed(got []uint32, want ref.Shortlist) error {
	var sums, wanted []float32
	for l, w := range want.Lanes {
		g := got[4*l : 4*l+4]
		if math.Float32frombits(g[0]) != w.Largest || g[1] != w.Index {
			return fmt.Errorf("differs from its Go twin: lane %d finds %g at %d, want %g at %d", l, math.Float32frombits(g[0]), g[1], w.Largest, w.Index)
		}
		sums, wanted = append(sums, math.Float32frombits(g[2]), math.Float32frombits(g[3])), append(wanted, w.Plain, w.Hot)
	}
	return near(sums, wanted, exact)
}

// listHead compares the head of a list.
func listHead(got []uint32, want ref.Shortlist) error {
	if got[1] != want.Best || math.Float32frombits(got[2]) != want.Largest || math.Float32frombits(got[3]) != want.Bound {
		return fmt.Errorf("differs from its Go twin: %d, %g, %g, want %d, %g, %g",
			got[1], math.Float32frombits(got[2]), math.Float32frombits(got[3]), want.Best, want.Largest, want.Bound)
	}
	return near([]float32{math.Float32frombits(got[4]), math.Float32frombits(got[5])}, []float32{want.Plain, want.Hot}, exact)
}

// listed compares what a list holds.
func listed(got []uint32, xs []float32, want ref.Shortlist) error {
	n := int(got[0])
	if n != len(want.Listed) || n < min(ops.ShortlistRank, len(xs)) {
		return fmt.Errorf("differs from its Go twin: %d listed, want %d", n, len(want.Listed))
	}
	var indices []uint32
	for at := ops.ShortlistHead; at < ops.ShortlistHead+2*n && at < len(got); at += 2 {
		if math.Float32frombits(got[at+1]) != xs[got[at]] {
			return fmt.Errorf("differs from its Go twin: %g at %d, want %g", math.Float32frombits(got[at+1]), got[at], xs[got[at]])
		}
		indices = append(indices, got[at])
	}
	if slices.Sort(indices); len(indices) == n && !slices.Equal(indices, want.Listed) {
		return fmt.Errorf("differs from its Go twin: %v, want %v", indices, want.Listed)
	}
	return nil
}
