package ref

import "math"

// Embed returns one row of table for each token. table: [vocab, dim]; result:
// [len(tokens), dim].
func Embed(table []float32, tokens []uint32, dim int) []float32 {
	y := make([]float32, 0, len(tokens)*dim)
	for _, t := range tokens {
		start := int(t) * dim
		y = append(y, table[start:start+dim]...)
	}
	return y
}

// Scatter puts row i of x over row at[i] of y, in place. x: [len(at), dim];
// y: [n, dim].
func Scatter(y, x []float32, at []uint32, dim int) {
	for i, row := range at {
		copy(y[int(row)*dim:], x[i*dim:(i+1)*dim])
	}
}

// Columns returns n values of each row: those at first, first+step, and so on.
// x: [rows, cols]; result: [rows, n].
func Columns(x []float32, cols, first, step, n int) []float32 {
	y := make([]float32, 0, len(x)/cols*n)
	for start := 0; start < len(x); start += cols {
		for i := range n {
			y = append(y, x[start+first+i*step])
		}
	}
	return y
}

// Append puts row i of x into row at[i] of cache, in place.
// x: [n, cols]; cache: [capacity, cols].
func Append(cache, x []float32, at []uint32, cols int) {
	Scatter(cache, x, at, cols)
}

// Gather returns the first n positions of a sequence whose pages, of so many
// positions each, lie anywhere in cache.
// cache: [capacity, cols]; result: [n, cols].
func Gather(cache []float32, pages []uint32, page, n, cols int) []float32 {
	y := make([]float32, 0, n*cols)
	for i := range n {
		at := int(pages[i/page])*page + i%page
		y = append(y, cache[at*cols:(at+1)*cols]...)
	}
	return y
}

// Argmax returns the index of the greatest value of each row; the lowest such
// index, if there are several. A NaN is never the greatest, and a row without
// any number gives 0. x: [n, cols].
func Argmax(x []float32, cols int) []uint32 {
	best := make([]uint32, 0, len(x)/cols)
	for start := 0; start < len(x); start += cols {
		at, greatest := 0, float32(math.Inf(-1))
		for i, v := range x[start : start+cols] {
			if v > greatest {
				at, greatest = i, v
			}
		}
		best = append(best, uint32(at))
	}
	return best
}

// Patchify cuts an image into squares of patch pixels a side, row by row, and
// returns one row for each: its pixels in the order channel, y, x, which is the
// order of the weights of a convolution.
// pixels: [3, height, width]; result: [height/patch * width/patch, 3*patch*patch].
func Patchify(pixels []float32, height, width, patch int) []float32 {
	y := make([]float32, 0, len(pixels))
	for top := 0; top < height; top += patch {
		for left := 0; left < width; left += patch {
			for c := range 3 {
				for ky := range patch {
					start := (c*height+top+ky)*width + left
					y = append(y, pixels[start:start+patch]...)
				}
			}
		}
	}
	return y
}
