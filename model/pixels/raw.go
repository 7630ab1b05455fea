package pixels

import (
	"fmt"

	"pixtral-wgpu/tokenizer"
)

// FromPixels returns normalised pixels that were made elsewhere, [3, height,
// width], as patches. Both sides must be whole patches.
func FromPixels(values []float32, height, width, patch int) (*Patches, error) {
	if patch < 1 || height < 1 || width < 1 || height%patch != 0 || width%patch != 0 || len(values) != 3*height*width {
		return nil, fmt.Errorf("pixels: %d values for %d by %d pixels in patches of %d", len(values), width, height, patch)
	}
	p := &Patches{
		Grid:  tokenizer.Grid{Cols: width / patch, Rows: height / patch},
		Patch: patch, Width: width, Height: height, Pixels: values, Source: Size{width, height},
	}
	p.Hash = p.hash()
	return p, nil
}
