package pixels

import (
	"context"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// AtOnce is how many pictures should be decoded at a time: each takes 30 bytes a
// pixel meanwhile.
func AtOnce() int { return max(1, runtime.NumCPU()/2) }

// All makes n images, AtOnce at a time, and returns them in order. The first error
// ends it.
func All(ctx context.Context, n int, one func(ctx context.Context, i int) (*Patches, error)) ([]*Patches, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(AtOnce())
	all := make([]*Patches, n)
	for i := range n {
		group.Go(func() (err error) {
			if err = ctx.Err(); err == nil {
				all[i], err = one(ctx, i)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return all, nil
}
