package pixels

import (
	"fmt"
	"math"

	"pixtral-wgpu/tokenizer"
)

// GridOf returns how many patches of patch pixels cover an image of the given
// size after it is scaled to at most maxSize pixels a side, keeping its
// proportions: mistral_common image.py, ImageEncoder._image_to_num_tokens.
// Sides round half to even and nothing is scaled up, except to fill the last
// patch.
//
// An image so long and thin that its short side rounds to nothing is an
// error.
func GridOf(width, height, patch, maxSize int) (tokenizer.Grid, error) {
	if patch <= 0 || maxSize <= 0 {
		return tokenizer.Grid{}, fmt.Errorf("pixels: patch size %d and image size %d must be positive", patch, maxSize)
	}
	if width <= 0 || height <= 0 {
		return tokenizer.Grid{}, fmt.Errorf("pixels: an image of %dx%d pixels is empty", width, height)
	}
	w, h := width, height
	ratio := max(float64(h)/float64(maxSize), float64(w)/float64(maxSize))
	if ratio > 1 {
		w = int(math.RoundToEven(float64(w) / ratio))
		h = int(math.RoundToEven(float64(h) / ratio))
	}
	if w == 0 || h == 0 {
		return tokenizer.Grid{}, fmt.Errorf("pixels: an image of %dx%d pixels is too long and thin: scaled to %d pixels its short side vanishes; crop it, or put it on a wider ground", width, height, maxSize)
	}
	return tokenizer.Grid{Cols: (w-1)/patch + 1, Rows: (h-1)/patch + 1}, nil
}
