package pixels

import "image"

// fromVP8 converts lossy WebP to RGB on white as libwebp does for Pillow.
// VP8 keeps luma in 16..235 and colour at half size; x/image/webp returns the
// planes, and Go's own conversion of them would be JPEG's, which is another.
// alpha is nil for an opaque picture.
func fromVP8(img *image.YCbCr, alpha []byte, alphaStride int) *image.RGBA {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	u, v := make([]int32, w), make([]int32, w)
	for y := range h {
		widenVP8(u, img, img.Cb, y)
		widenVP8(v, img, img.Cr, y)
		luma := img.Y[y*img.YStride:][:w]
		row := out.Pix[y*out.Stride:][:4*w]
		for x, l := range luma {
			px := row[4*x:][:4]
			px[0], px[1], px[2] = vp8RGB(int32(l), u[x], v[x])
			px[3] = 255
			if alpha != nil {
				px[3] = alpha[y*alphaStride+x]
			}
		}
		layOnWhite(row)
	}
	return out
}

// vp8RGB converts one colour in libwebp's fixed point: src/dsp/yuv.h,
// VP8YUVToR, VP8YUVToG, VP8YUVToB.
func vp8RGB(y, u, v int32) (r, g, b uint8) {
	l := y * 19077 >> 8
	r = clamp8((l + v*26149>>8 - 14234) >> 6)
	g = clamp8((l - u*6419>>8 - v*13320>>8 + 8708) >> 6)
	b = clamp8((l + u*33050>>8 - 17685) >> 6)
	return r, g, b
}

// widenVP8 interpolates row y of a colour plane of half size to full width:
// 9 parts of the nearest sample, 3 of each neighbour, 1 of the diagonal one,
// rounded in libwebp's two steps: src/dsp/upsampling.c, UPSAMPLE_FUNC.
func widenVP8(dst []int32, img *image.YCbCr, plane []byte, y int) {
	w, h := (img.Rect.Dx()+1)/2, (img.Rect.Dy()+1)/2
	row := func(y int) []byte { return plane[min(max(y, 0), h-1)*img.CStride:][:w] }
	near, far := row(y/2), row(y/2-1+y%2*2)
	for x := range dst {
		nx := x / 2
		fx := min(max(nx-1+x%2*2, 0), w-1)
		n, side, over, diagonal := int32(near[nx]), int32(near[fx]), int32(far[nx]), int32(far[fx])
		mixed := (n + 3*side + 3*over + diagonal + 8) >> 3
		dst[x] = (mixed + n) >> 1
	}
}
