package pixels

import "image"

// chroma enlarges one colour plane of a JPEG to the picture's size, row by
// row. Halved planes are interpolated between sample centres with weights 3/4
// and 1/4, libjpeg's "fancy upsampling"; other ratios repeat samples.
// libjpeg-turbo jdsample.c: h2v1_, h1v2_ and h2v2_fancy_upsample, int_upsample.
type chroma struct {
	plane         []byte
	stride        int
	width, height int // of the plane's real samples, without padding
	across, down  int // how many pixels share a sample
	sum           []int32
	out           []byte
}

func newChroma(img *image.YCbCr, plane []byte) *chroma {
	across, down := 1, 1
	switch img.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		across = 2
	case image.YCbCrSubsampleRatio420:
		across, down = 2, 2
	case image.YCbCrSubsampleRatio440:
		down = 2
	case image.YCbCrSubsampleRatio411:
		across = 4
	case image.YCbCrSubsampleRatio410:
		across, down = 4, 2
	}
	c := &chroma{plane: plane, stride: img.CStride, across: across, down: down}
	c.width = (img.Rect.Dx() + across - 1) / across
	c.height = (img.Rect.Dy() + down - 1) / down
	c.sum = make([]int32, c.width)
	c.out = make([]byte, c.width*across)
	return c
}

// row returns the samples of pixel row y; they are valid until the next call.
func (c *chroma) row(y int) []byte {
	near := c.samples(y / c.down)
	smooth := c.width > 2 // libjpeg repeats where it has no room to interpolate
	switch {
	case c.across == 1 && c.down == 1:
		return near
	case c.across == 1 && c.down == 2:
		far, bias := c.beside(y)
		for x, v := range near {
			c.out[x] = uint8((3*int32(v) + int32(far[x]) + bias) >> 2)
		}
	case c.across == 2 && c.down == 1 && smooth:
		for x, v := range near {
			c.sum[x] = int32(v)
		}
		c.widen(1, 2, 2)
	case c.across == 2 && c.down == 2 && smooth:
		far, _ := c.beside(y)
		for x, v := range near {
			c.sum[x] = 3*int32(v) + int32(far[x])
		}
		c.widen(8, 7, 4)
	default:
		for x := range c.out {
			c.out[x] = near[x/c.across]
		}
	}
	return c.out
}

// samples returns row y of the plane, the nearest one outside of it.
func (c *chroma) samples(y int) []byte {
	y = min(max(y, 0), c.height-1)
	return c.plane[y*c.stride:][:c.width]
}

// beside returns the second nearest sample row of pixel row y, and the
// rounding that libjpeg gives to that side.
func (c *chroma) beside(y int) ([]byte, int32) {
	if y%2 == 0 {
		return c.samples(y/2 - 1), 1
	}
	return c.samples(y/2 + 1), 2
}

// widen doubles sum into out: each sample gives two pixels, of 3 parts of
// itself and 1 of its neighbour on that side, at the border of itself alone.
// left and right are what is added before shifting.
func (c *chroma) widen(left, right int32, shift uint) {
	s, last := c.sum, len(c.sum)-1
	for x, v := range s {
		before, after := s[max(x-1, 0)], s[min(x+1, last)]
		c.out[2*x] = uint8((3*v + before + left) >> shift)
		c.out[2*x+1] = uint8((3*v + after + right) >> shift)
	}
}
