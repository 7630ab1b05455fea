package tune

import (
	"context"
	"errors"
	"slices"
	"testing"

	"pixtral-wgpu/gpu"
)

// An adapter without cooperative matrices is never asked for them; of one with
// them each size is tried once, what failed stays failed until asked again.
func TestMatrices(t *testing.T) {
	d := device(t)
	var tried []int
	fails := map[int]bool{}
	look := func(o Options) int {
		t.Helper()
		tried = nil
		size, err := Matrices(t.Context(), d, o, func(_ context.Context, size int) error {
			tried = append(tried, size)
			if fails[size] {
				return errors.New("a signal ended it")
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return size
	}
	o := Options{Dir: t.TempDir()}
	d.Info.Features = slices.DeleteFunc(d.Info.Features, func(f string) bool { return f == gpu.Cooperative })
	if got := look(o); got != 0 || tried != nil {
		t.Errorf("%d, tried %v, of an adapter without", got, tried)
	}
	d.Info.Features = append(d.Info.Features, gpu.Cooperative)
	fails[8] = true
	if got := look(o); got != 0 || !slices.Equal(tried, []int{8}) {
		t.Errorf("%d, tried %v", got, tried)
	}
	fails[8] = false
	if got := look(o); got != 0 || tried != nil {
		t.Errorf("%d, tried %v though the cache knows", got, tried)
	}
	o.Again = true
	if got := look(o); got != 8 || !slices.Equal(tried, []int{8}) {
		t.Errorf("%d, tried %v once more", got, tried)
	}
	d.Info.Kind, d.Info.Name, o.Dir = "discrete", "something new", t.TempDir()
	if got := look(o); got != 16 || !slices.Equal(tried, []int{16}) {
		t.Errorf("%d, tried %v of an adapter that nobody knows", got, tried)
	}
}
