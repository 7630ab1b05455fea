package bench

import (
	"fmt"

	"pixtral-wgpu/model"
)

// promptFLOP returns the operations of a prompt of n tokens: the matrices of the
// layers for each, the head for the last, and attention over what is before each.
func promptFLOP(c *model.Config, n int) float64 {
	matrices := 2*float64(n)*float64(c.LayerWeights()) + 2*float64(c.Dim)*float64(c.VocabSize)
	return matrices + 4*float64(c.Layers)*float64(c.Heads*c.HeadDim)*float64(n)*float64(n+1)/2
}

// imageFLOP returns the operations of an image of n patches, encoder and adapter
// (spec §11).
func imageFLOP(c *model.Config, n int) float64 {
	v := c.VisionEncoder
	width := float64(v.HiddenSize)
	layer := 2*width*(4*width+3*float64(v.IntermediateSize)) + 4*float64(n)*width
	adapter := 2 * float64(c.Dim) * (width + float64(c.Dim))
	return float64(n) * (2*float64(v.PatchWidth())*width + float64(v.Layers)*layer + adapter)
}

func plural(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case noun == "patch":
		noun = "patche"
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
