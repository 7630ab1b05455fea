package verify

import (
	"fmt"
	"slices"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/ref"
)

// noiseChecks compare bits: random ones, and those that a stream of reads leaves.
func noiseChecks() []Check {
	var list []Check
	same := func(kernel, name string, run func(b *bench) (got, want []uint32)) {
		list = append(list, Check{kernel, name, func(d *gpu.Device) error {
			return on(d, func(b *bench) error {
				got, want := run(b)
				if b.err == nil && !slices.Equal(got, want) {
					return fmt.Errorf("bits differ from those of its Go twin")
				}
				return b.err
			})
		}})
	}
	for _, n := range []int{1, 65, 1027} {
		for _, every := range []int{1, 4} {
			same("noise", fmt.Sprint(n, " words, every ", every), func(b *bench) (got, want []uint32) {
				const seed, mask, base = 7, 0x03ff03ff, 0x24002400
				y := b.ints("y", make([]uint32, n))
				return b.words(y, func(r *gpu.Recorder) { ops.Noise(r, y, seed, every, mask, base) }), ref.Noise(n, seed, every, mask, base)
			})
		}
	}
	for _, s := range [][2]int{{1, 4}, {67, 300}} { // rows, words
		for _, sharing := range []int{1, 64} {
			for _, together := range []int{1, 4} {
				same("stream", fmt.Sprint(s, ", ", together, " rows by ", sharing), func(b *bench) (got, want []uint32) {
					xs := ref.Noise(s[0]*s[1], 1, 1, 0xffffffff, 0)
					x, y := b.ints("x", xs), b.ints("y", make([]uint32, ops.StreamLen(s[0], sharing, together)))
					x.Shape = s[:]
					return b.words(y, func(r *gpu.Recorder) { ops.Stream(r, y, x, sharing, together) }), ref.Stream(xs, s[1], sharing, together)
				})
			}
		}
	}
	return list
}

// words is result for words.
func (b *bench) words(y gpu.Tensor, record func(r *gpu.Recorder)) []uint32 {
	b.run(record)
	if b.err != nil {
		return nil
	}
	got, err := b.d.Ints(y)
	b.err = err
	return got
}
