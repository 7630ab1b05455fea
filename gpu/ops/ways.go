package ops

import (
	"cmp"
	"fmt"
	"strings"

	"pixtral-wgpu/gpu"
)

// What a device may prefer a way for.
const (
	Each = "each" // products whose rows each come out as they would alone
	Many = "many" // products of the rows of a prompt

	Attend     = "attend"      // attention of rows that are taken one by one
	AttendMany = "attend many" // attention of the rows of a prompt or an image
)

// integers reports whether a kernel multiplies signed bytes.
func integers(kernel string) bool { return strings.HasSuffix(kernel, "_ints") }

// Ways lists how d may compute what a use says, what is right everywhere first:
// without a name. Package verify compares all of them with plain Go.
func Ways(d *gpu.Device, u gpu.Use) []gpu.Way { return WaysOf(u, d.Software(), d.Has) }

// WaysOf is Ways for a device with those features.
func WaysOf(u gpu.Use, software bool, has func(feature string) bool) []gpu.Way {
	blocks := (&gpu.Shard{Format: u.Format}).Blocks()
	var list []gpu.Way
	add := func(kernel string, lanes, rows int) {
		list = append(list, gpu.Way{Kernel: kernel, Lanes: lanes, Rows: rows})
	}
	subgroups := has("subgroup")
	switch {
	case u.Op == Each && software:
		add("", 0, 0) // linear_lane
		add("linear_vec", 8, 4)
		if subgroups {
			add("linear_subgroup", 8, 4)
		}
		if blocks {
			add("linear_vec_ints", 8, 4)
		}
	case u.Op == Each:
		add("", 0, 0) // linear_vec of 64 lanes
		for _, rows := range []int{2, 4} {
			for _, lanes := range []int{32, 64, 128} {
				add("linear_vec", lanes, rows)
				if subgroups {
					add("linear_subgroup", lanes, rows)
				}
				if blocks {
					add("linear_vec_ints", lanes, rows)
				}
			}
		}
	case u.Op == Many:
		add("", 0, 0) // linear_tile, or linear_lane
		add("linear_tile_wide", 0, 0)
		if software {
			add("linear_tile", 0, 0)
		}
		if has("shader-f16") {
			add("linear_tile_half", 0, 0)
		}
		for _, size := range []int{8, 16} {
			if has(gpu.MatrixFeature(size)) {
				add(fmt.Sprint("linear_matrices_", size), 0, 0)
			}
		}
		if blocks {
			add("linear_tile_ints", 0, 0)
		}
	case u.Op == NormEach:
		add("", 0, 0)
		add("rmsnorm", 0, 0)
	case u.Op == Norm:
		add("", 0, 0)
		for _, lanes := range []int{8, 64, 256} {
			add("rmsnorm", lanes, 0)
			if subgroups {
				add("rmsnorm_subgroup", lanes, 0)
			}
		}
	case u.Op == Attend:
		add("", 0, 0) // attention_split of 64 lanes and 128 keys, or attention_split_block
		if software {
			add("attention_split", 0, 0)
			add("attention_split_block", 0, 0)
		}
		for _, s := range [][2]int{{32, 128}, {64, 256}} {
			add("attention_split", s[0], s[1])
		}
		if subgroups {
			for _, s := range [][2]int{{32, 128}, {64, 128}, {128, 128}, {64, 256}} {
				add("attention_split_subgroup", s[0], s[1])
			}
		}
		if u.Format == gpu.F16.String() && has("shader-f16") {
			for _, s := range [][2]int{{32, 128}, {64, 128}, {64, 256}} {
				add("attention_split_half", s[0], s[1])
			}
		}
		if u.Format == gpu.Q8.String() {
			for _, s := range [][2]int{{32, 128}, {64, 128}, {64, 256}} {
				add("attention_split_ints", s[0], s[1])
			}
		}
	case u.Op == AttendMany:
		add("", 0, 0) // attention_tile, or attention_block
		if software {
			add("attention_tile", 0, 0)
			add("attention_block", 0, 0)
		}
		if has("shader-f16") {
			for _, rows := range []int{32, 64} {
				add("attention_tile_half", 0, rows)
			}
		}
		for _, size := range []int{8, 16} {
			if has(gpu.MatrixFeature(size)) {
				add(fmt.Sprint("attention_matrices_", size), 0, 32)
			}
		}
		if u.Format == gpu.Q8.String() {
			for _, rows := range []int{32, 64} {
				add("attention_tile_ints", 0, rows)
			}
		}
	}
	return list
}

// pick returns the way for n rows of x, each of which is to come out as it would
// alone, or not.
func pick(r *gpu.Recorder, w *gpu.Matrix, n int, each bool) gpu.Way {
	u := gpu.Use{Op: Many, Format: w.Format}
	if each {
		u.Op = Each
	}
	if way := r.Device().Preferred(u); way.Kernel != "" && (!integers(way.Kernel) || w.Blocks()) {
		return way
	}
	switch {
	case r.Device().Software():
		return gpu.Way{Kernel: "linear_lane"}
	case each:
		return gpu.Way{Kernel: "linear_vec"}
	}
	return gpu.Way{Kernel: "linear_tile"}
}

// Rounds reports whether a way rounds activations.
func Rounds(w gpu.Way) bool { return integers(w.Kernel) || halves(w.Kernel) }

// Holds reports whether a way of attention takes heads of a size on d: they have
// no more quads than there are lanes, are whole blocks where integers are
// multiplied, and fit its workgroup memory.
func Holds(d *gpu.Device, w gpu.Way, headDim int) bool {
	return headDim/4 <= cmp.Or(w.Lanes, vecLanes) && (!integers(w.Kernel) || headDim%32 == 0) && workgroupBytes(w, headDim) <= d.Limits.WorkgroupBytes
}

// workgroupBytes returns the workgroup memory of a way of attention, about.
func workgroupBytes(w gpu.Way, headDim int) uint64 {
	quads := headDim / 4
	words := 0
	switch {
	case strings.HasPrefix(w.Kernel, "attention_split"):
		lanes, keys := cmp.Or(w.Lanes, vecLanes), cmp.Or(w.Rows, splitKeys)
		words = 16*quads + 5*keys + 20*lanes
		switch {
		case halves(w.Kernel):
			words += 2*keys - 8*quads
		case integers(w.Kernel):
			words -= 11 * quads
		}
	case integers(w.Kernel):
		rows := cmp.Or(w.Rows, halfRows)
		words = (rows+Page)*(quads+4+quads/8) + rows*(Page+4) + tileLanes + 5*rows
	case halves(w.Kernel): // two words to a quad
		rows, wide := cmp.Or(w.Rows, halfRows), ceil(quads, 4)*4
		words = 2*(rows+Page)*(wide+2) + 2*rows*(Page/4+2) + tileStride(w.Kernel)*rows + 2*tileLanes + 7*rows + 2*Page
	}
	return uint64(4 * words)
}
