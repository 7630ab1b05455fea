package model

import "fmt"

// A Config is the sizes of a Pixtral. The fields have the names of params.json,
// in Go's spelling; the configs of other formats are translated to them.
type Config struct {
	Dim       int     // dim: values of a token between the layers
	Layers    int     // n_layers
	HeadDim   int     // head_dim
	HiddenDim int     // hidden_dim: values inside the feed-forward
	Heads     int     // n_heads; Heads*HeadDim need not be Dim
	KVHeads   int     // n_kv_heads: Heads/KVHeads query heads share one
	NormEps   float32 // norm_eps
	VocabSize int     // vocab_size
	RopeTheta float64 // rope_theta

	RopeFactors []float32 // [HeadDim/2]: what the angle of each pair is divided by; nil for 1. Llama 3.1 has them

	TiedEmbeddings bool // tied_embeddings: the head is the table of embeddings

	VisionEncoder *VisionEncoder // vision_encoder; nil if the model reads text only
}

// A VisionEncoder is the part of params.json about images. Each patch of
// PatchSize by PatchSize pixels becomes one token of the decoder.
type VisionEncoder struct {
	HiddenSize       int     // hidden_size
	Channels         int     // num_channels: 3
	ImageSize        int     // image_size: the longest side of an image, in pixels
	PatchSize        int     // patch_size
	RopeTheta        float64 // rope_theta
	IntermediateSize int     // intermediate_size: values inside the feed-forward
	Layers           int     // num_hidden_layers
	Heads            int     // num_attention_heads

	ImageTokenID      int32 // image_token_id: stands for a patch, [IMG]
	ImageBreakTokenID int32 // image_break_token_id: ends a row of them, [IMG_BREAK]
	ImageEndTokenID   int32 // image_end_token_id: ends the last row, [IMG_END]

	AdapterBias bool // adapter_bias: whether the adapter's matrices have one
}

// VisionNormEps is the epsilon of every norm in the image encoder. params.json
// has none for it: mistral_inference/vision_encoder.py writes 1e-5.
const VisionNormEps = 1e-5

// HeadDim returns the values of one attention head of the image encoder.
func (v *VisionEncoder) HeadDim() int { return v.HiddenSize / v.Heads }

// PatchWidth returns the values of one patch: channels times pixels.
func (v *VisionEncoder) PatchWidth() int { return v.Channels * v.PatchSize * v.PatchSize }

// The bounds of what is accepted. They are far from any model's sizes, and no
// product of sizes within them overflows an int: a matrix has at most
// maxWidth² = 2^40 weights, a layer less than 2^43, and a tower less than 2^53.
const (
	maxWidth     = 1 << 20 // of any vector, rows of the vocabulary included
	maxLayers    = 1 << 10
	maxImageSize = 1 << 14 // pixels a side
	maxTheta     = 1e12
	minFactor    = 1e-3 // of RopeFactors
	maxFactor    = 1e6
	minEps       = 1e-12
)

// octet is what every width divides by: the kernels read eight weights at once.
const octet = 8

// ParseConfig reads params.json. Unknown keys are ignored and missing ones take
// the defaults of mistral_inference/args.py where it has them. A key that asks
// for what Pixtral 12B does not have, and a size that is out of bounds or does
// not fit the others, is an error that names the key.
func ParseConfig(data []byte) (*Config, error) {
	o, err := parseObject(data)
	if err != nil {
		return nil, fmt.Errorf("params.json: %w", err)
	}
	o.refuse(textFeatures)
	c := o.textDecoder()
	if v := o.object("vision_encoder"); v != nil {
		v.refuse(visionFeatures)
		c.VisionEncoder = v.visionEncoder(c.VocabSize, o.boolean("adapter_bias", true))
	}
	if *o.err != nil {
		return nil, fmt.Errorf("params.json: %w", *o.err)
	}
	return c, nil
}

// textDecoder reads what an object says about the decoder. An error is the
// object's.
func (o *object) textDecoder() *Config {
	o.need("dim", "n_layers", "head_dim", "hidden_dim", "n_heads", "n_kv_heads", "norm_eps", "vocab_size")
	c := &Config{
		Dim:       o.size("dim", maxWidth, octet),
		Layers:    o.size("n_layers", maxLayers, 1),
		HeadDim:   o.size("head_dim", maxWidth, octet),
		HiddenDim: o.size("hidden_dim", maxWidth, octet),
		Heads:     o.size("n_heads", maxWidth, 1),
		KVHeads:   o.size("n_kv_heads", maxWidth, 1),
		NormEps:   float32(o.number("norm_eps", 0, minEps, 1)),
		VocabSize: o.size("vocab_size", maxWidth, 1),
		RopeTheta: o.number("rope_theta", 1e6, 1, maxTheta),

		TiedEmbeddings: o.boolean("tied_embeddings", false),
	}
	if *o.err == nil && c.Heads%c.KVHeads != 0 {
		o.fail("n_heads", "is %d, which %d n_kv_heads do not divide", c.Heads, c.KVHeads)
	}
	if width := c.Heads * c.HeadDim; width > maxWidth {
		o.fail("n_heads", "is %d, which with a head_dim of %d makes %d values; at most %d are read",
			c.Heads, c.HeadDim, width, maxWidth)
	}
	return c
}

// visionEncoder reads the object vision_encoder. bias is the adapter_bias of
// the level above, which one here overrules. With an error it returns nil.
func (o *object) visionEncoder(vocab int, bias bool) *VisionEncoder {
	o.need("hidden_size", "num_channels", "image_size", "patch_size", "intermediate_size",
		"num_hidden_layers", "num_attention_heads")
	v := &VisionEncoder{
		HiddenSize:        o.size("hidden_size", maxWidth, octet),
		Channels:          o.size("num_channels", maxWidth, 1),
		ImageSize:         o.size("image_size", maxImageSize, 1),
		PatchSize:         o.size("patch_size", maxImageSize, 1),
		RopeTheta:         o.number("rope_theta", 1e4, 1, maxTheta),
		IntermediateSize:  o.size("intermediate_size", maxWidth, octet),
		Layers:            o.size("num_hidden_layers", maxLayers, 1),
		Heads:             o.size("num_attention_heads", maxWidth, 1),
		ImageTokenID:      o.token("image_token_id", 10, vocab),
		ImageBreakTokenID: o.token("image_break_token_id", 12, vocab),
		ImageEndTokenID:   o.token("image_end_token_id", 13, vocab),
		AdapterBias:       o.boolean("adapter_bias", bias),
	}
	if *o.err != nil {
		return nil // the sizes below divide by each other
	}
	switch {
	case v.Channels != 3:
		o.fail("num_channels", "is %d; images here have red, green and blue (3)", v.Channels)
	case v.ImageSize%v.PatchSize != 0:
		o.fail("image_size", "is %d, which is not a multiple of patch_size (%d)", v.ImageSize, v.PatchSize)
	case v.PatchWidth()%octet != 0 || v.PatchWidth() > maxWidth:
		o.fail("patch_size", "is %d, which makes patches of %d values; this program reads multiples of %d up to %d",
			v.PatchSize, v.PatchWidth(), octet, maxWidth)
	case v.HiddenSize%v.Heads != 0 || v.HeadDim()%octet != 0:
		o.fail("num_attention_heads", "is %d, which does not cut hidden_size (%d) into heads of a multiple of %d values",
			v.Heads, v.HiddenSize, octet)
	case v.ImageTokenID == v.ImageBreakTokenID || v.ImageTokenID == v.ImageEndTokenID:
		o.fail("image_token_id", "is %d, which is also the id of a break or an end", v.ImageTokenID)
	}
	return v
}
