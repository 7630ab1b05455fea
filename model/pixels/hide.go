package pixels

import (
	"image"
	"slices"
)

// Hide returns a copy of p in which a region, in pixels of the resized picture,
// has the mean colour of the whole. What lies outside the picture is cut off;
// an empty region hides nothing.
func (p *Patches) Hide(region image.Rectangle) *Patches {
	hidden := *p
	hidden.Pixels = slices.Clone(p.Pixels)
	region = region.Intersect(image.Rect(0, 0, p.Width, p.Height))
	plane := p.Width * p.Height
	for c := range len(p.Pixels) / plane {
		channel := hidden.Pixels[c*plane : (c+1)*plane]
		var sum float64
		for _, v := range channel {
			sum += float64(v)
		}
		mean := float32(sum / float64(plane))
		for y := region.Min.Y; y < region.Max.Y; y++ {
			for x := region.Min.X; x < region.Max.X; x++ {
				channel[y*p.Width+x] = mean
			}
		}
	}
	hidden.Hash = hidden.hash()
	return &hidden
}
