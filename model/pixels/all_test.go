package pixels_test

import (
	"context"
	"errors"
	"testing"

	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/tokenizer"
)

// Images come back in order; an error ends it, and says itself why.
func TestAll(t *testing.T) {
	one := func(_ context.Context, i int) (*pixels.Patches, error) {
		return &pixels.Patches{Grid: tokenizer.Grid{Rows: 1, Cols: i}}, nil
	}
	list, err := pixels.All(t.Context(), 20, one)
	if err != nil || len(list) != 20 {
		t.Fatal(list, err)
	}
	for i, img := range list {
		if img.Grid.Cols != i {
			t.Errorf("image %d is the one of %d", i, img.Grid.Cols)
		}
	}
	broken := errors.New("broken")
	list, err = pixels.All(t.Context(), 1000, func(ctx context.Context, i int) (*pixels.Patches, error) {
		if i == 3 {
			return nil, broken
		}
		if i > 3 {
			<-ctx.Done() // they do not outlive it
			return nil, ctx.Err()
		}
		return one(ctx, i)
	})
	if err != broken || list != nil {
		t.Errorf("%v, %v", list, err)
	}
	if list, err := pixels.All(t.Context(), 0, one); err != nil || len(list) != 0 {
		t.Errorf("of none: %v, %v", list, err)
	}
}
