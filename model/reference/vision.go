package reference

import (
	"errors"
	"fmt"

	"pixtral-wgpu/gpu/ref"
	"pixtral-wgpu/model"
)

// check returns why an image cannot be encoded.
func (m *Model) check(image Image) error {
	v := m.cfg.VisionEncoder
	if v == nil {
		return errors.New("this model reads text only")
	}
	for _, side := range []int{image.Height, image.Width} {
		if side < 1 || side > v.ImageSize || side%v.PatchSize != 0 {
			return fmt.Errorf("is %d by %d pixels, want multiples of %d up to %d",
				image.Width, image.Height, v.PatchSize, v.ImageSize)
		}
	}
	if want := v.Channels * image.Height * image.Width; len(image.Pixels) != want {
		return fmt.Errorf("has %d values, want %d", len(image.Pixels), want)
	}
	return nil
}

// encode returns one row for each patch, [patches, hidden]. Each image is
// encoded alone, so that its patches see no other's.
func (m *Model) encode(image Image, index int, see See) []float32 {
	v := m.cfg.VisionEncoder
	rows, cols := image.Height/v.PatchSize, image.Width/v.PatchSize
	scope := fmt.Sprintf("vision.%d.", index)
	see(fmt.Sprintf("images.%d.pixels", index), []int{v.Channels, image.Height, image.Width}, image.Pixels)

	t := tower{
		weights: m.weights, see: see,
		rows: rows * cols, eps: model.VisionNormEps,
		heads: v.Heads, kvHeads: v.Heads, headDim: v.HeadDim(),
		turns: model.ImageTable(rows, cols, v.HeadDim(), v.RopeTheta),
	}
	// A convolution whose stride is its size is a matrix over patches.
	patches := ref.Patchify(image.Pixels, image.Height, image.Width, v.PatchSize)
	x := t.show(scope+"patch_conv", t.linear(patches, "vision_encoder.patch_conv.weight"))
	x = t.show(scope+"ln_pre", ref.RMSNorm(x, m.weights["vision_encoder.ln_pre.weight"], t.eps))
	for layer := range v.Layers {
		x = t.layer(x, fmt.Sprintf("vision_encoder.transformer.layers.%d", layer),
			fmt.Sprintf("%slayers.%d", scope, layer))
	}
	return x
}

// adapt turns the encoder's rows into rows of the decoder's width.
func (m *Model) adapt(x []float32, index int, see See) []float32 {
	scope := fmt.Sprintf("adapter.%d", index)
	dim, patches := m.cfg.Dim, len(x)/m.cfg.VisionEncoder.HiddenSize
	inner := m.biased(x, "vision_language_adapter.w_in", m.cfg.VisionEncoder.HiddenSize)
	see(scope+".inner", []int{patches, dim}, inner)
	activated := ref.GELU(inner)
	see(scope+".activated", []int{patches, dim}, activated)
	y := m.biased(activated, "vision_language_adapter.w_out", dim)
	see(scope, []int{patches, dim}, y)
	return y
}

// biased multiplies with a matrix of the adapter and adds its bias, if it has one.
func (m *Model) biased(x []float32, name string, cols int) []float32 {
	y := ref.Linear(x, m.weights[name+".weight"], cols)
	if bias, ok := m.weights[name+".bias"]; ok {
		ref.AddBias(y, bias)
	}
	return y
}
