package tune

import (
	"context"
	"slices"
	"strings"

	"pixtral-wgpu/gpu"
)

// Matrices returns the size of the cooperative matrices that work on d's adapter, 0
// for none, as the cache has it or as trial finds out now. A driver that is asked
// for matrices it does not have may end the process, so trial is to open the
// adapter anew in a process of its own, and to tell whether that computed right.
func Matrices(ctx context.Context, d *gpu.Device, o Options, trial func(ctx context.Context, size int) error) (int, error) {
	if !slices.Contains(d.Info.Features, gpu.Cooperative) {
		return 0, nil
	}
	key, err := keyOf(d)
	if err != nil {
		return 0, err
	}
	c := open(o.Dir, key)
	if c.Matrices != nil && !o.Again && slices.Contains([]int{0, 8, 16}, *c.Matrices) {
		return *c.Matrices, nil
	}
	works := 0
	for _, size := range sizes(d.Info) {
		err := trial(ctx, size)
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if err == nil {
			works = size
			break
		}
	}
	c.Matrices = &works
	if err := c.save(); err != nil && o.Warn != nil {
		o.Warn("which matrices the adapter multiplies could not be kept: " + err.Error())
	}
	return works, nil
}

// sizes lists the sizes that an adapter may have, the likeliest first.
func sizes(i gpu.Info) []int {
	name := strings.ToLower(i.Vendor + " " + i.Name)
	switch {
	case i.Software():
		return []int{8}
	case strings.Contains(name, "nvidia"), strings.Contains(name, "amd"), strings.Contains(name, "radv"):
		return []int{16}
	}
	return []int{16, 8}
}
