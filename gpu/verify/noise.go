package verify

import (
	"fmt"
	"slices"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/quant"
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
	for _, s := range [][3]int{{1, 4, 1}, {67, 300, 1}, {67, 300, 5}} { // rows, words, quads at a time
		for _, sharing := range []int{1, 64} {
			for _, together := range []int{1, 4} {
				shape := ops.StreamShape{Sharing: sharing, Together: together, Quads: s[2]}
				same("stream", fmt.Sprintf("%v by %+v", s[:2], shape), func(b *bench) (got, want []uint32) {
					m, _ := b.matrix(quant.BF16, noise(1, 2*s[0]*s[1]), 2*s[1])
					if b.err != nil {
						return nil, nil
					}
					for _, part := range m.Shards { // as weights lie there
						x := part.Parts[0]
						xs, err := b.d.Ints(x)
						if err != nil {
							b.err = err
							return nil, nil
						}
						y := b.ints("y", make([]uint32, shape.Len(part.Rows)))
						got = append(got, b.words(y, func(r *gpu.Recorder) { ops.Stream(r, y, x, shape) })...)
						want = append(want, ref.Stream(xs, s[1], sharing, together, s[2])...)
					}
					return got, want
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
