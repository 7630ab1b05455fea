package pixels

import (
	"strings"
	"testing"

	"pixtral-wgpu/tokenizer"
)

// The table of spec section 5, and the sizes of mistral-common's own tests.
func TestGridOf(t *testing.T) {
	for _, c := range []struct {
		width, height, cols, rows, tokens int
	}{
		{1024, 1024, 64, 64, 4160}, // the most there can be
		{640, 480, 40, 30, 1230},
		{200, 300, 13, 19, 266}, // neither side whole patches
		{16, 16, 1, 1, 2},
		{1, 1, 1, 1, 2}, // grows to one patch
		{15, 17, 1, 2, 4},
		{224, 224, 14, 14, 210},
		{512, 512, 32, 32, 1056},
		{800, 600, 50, 38, 1938},
		{1025, 1000, 64, 63, 4095}, // one pixel over
		{1920, 1080, 64, 36, 2340},
		{1080, 1920, 36, 64, 2368},
		{2048, 1536, 64, 48, 3120},
		{4000, 3003, 64, 49, 3185}, // 768.77 rounds up; rounding down would lose a row
		{3000, 20, 64, 1, 65},
		{2048, 33, 64, 1, 65}, // 16.5 rounds to even; half up would give 130
		{1, 2047, 1, 64, 128}, // 0.5002 is still a pixel
		{200, 311, 13, 20, 280},
		{300, 212, 19, 14, 280},
		{251, 1374, 12, 64, 832},
		{1475, 477, 64, 21, 1365},
		{1344, 1544, 56, 64, 3648},
		{2133, 3422, 40, 64, 2624},
	} {
		grid, err := GridOf(c.width, c.height, 16, 1024)
		if want := (tokenizer.Grid{Cols: c.cols, Rows: c.rows}); err != nil || grid != want || grid.Tokens() != c.tokens {
			t.Errorf("%dx%d: %v of %d tokens, %v, want %v of %d", c.width, c.height, grid, grid.Tokens(), err, want, c.tokens)
		}
	}
}

func TestGridOfRefuses(t *testing.T) {
	for _, c := range []struct {
		width, height, patch, maxSize int
		want                          string
	}{
		{1, 2048, 16, 1024, "too long and thin"}, // 0.5 rounds to 0
		{1, 5000, 16, 1024, "too long and thin"},
		{5000, 1, 16, 1024, "too long and thin"},
		{0, 5, 16, 1024, "empty"},
		{5, -1, 16, 1024, "empty"},
		{5, 5, 0, 1024, "must be positive"},
		{5, 5, 16, 0, "must be positive"},
	} {
		if grid, err := GridOf(c.width, c.height, c.patch, c.maxSize); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%dx%d: %v, %v, want an error with %q", c.width, c.height, grid, err, c.want)
		}
	}
}
