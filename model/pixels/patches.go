package pixels

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"image"
	"math"

	"pixtral-wgpu/tokenizer"
)

// The statistics of CLIP's training pictures, RGB in 0..1, by which pixels
// are normalised; mistral_common image.py, DATASET_MEAN and DATASET_STD.
var (
	mean = [3]float32{0.48145466, 0.4578275, 0.40821073}
	std  = [3]float32{0.26862954, 0.26130258, 0.27577711}
)

// Size is an extent in pixels.
type Size struct{ Width, Height int }

// Patches is a picture as the vision encoder takes it.
type Patches struct {
	Grid          tokenizer.Grid
	Patch         int       // pixels along one side of a patch
	Width, Height int       // of the resized picture: Grid times Patch
	Pixels        []float32 // [3, Height, Width], normalised
	Source        Size      // of the picture before resizing
	Hash          [32]byte  // SHA-256 of shape and Pixels; equal pictures are equal to the model
}

// Preprocess resizes a picture to whole patches and normalises it: spec
// section 5, steps 2 to 5; mistral_common image.py, transform_image. patch and
// maxSize come from the model's configuration, 16 and 1024 for Pixtral 12B.
//
// Decode's result is used as it is; any other image is first laid on white.
func Preprocess(img image.Image, patch, maxSize int) (*Patches, error) {
	size := img.Bounds().Size()
	grid, err := GridOf(size.X, size.Y, patch, maxSize)
	if err != nil {
		return nil, err
	}
	rgb, ok := img.(*image.RGBA)
	if !ok || rgb.Rect.Min != (image.Point{}) || !rgb.Opaque() {
		rgb = flatten(img)
	}
	p := &Patches{
		Grid: grid, Patch: patch,
		Width: grid.Cols * patch, Height: grid.Rows * patch,
		Source: Size{size.X, size.Y},
	}
	p.Pixels = normalise(resize(rgb, p.Width, p.Height))
	p.Hash = p.hash()
	return p, nil
}

// normalise turns RGB of 0..255, [H, W, 3], into (v/255 - mean) / std,
// [3, H, W].
func normalise(rgb []float32) []float32 {
	plane := len(rgb) / 3
	out := make([]float32, len(rgb))
	for c := range 3 {
		dst := out[c*plane:][:plane]
		for i := range dst {
			dst[i] = (rgb[3*i+c]/255 - mean[c]) / std[c]
		}
	}
	return out
}

func (p *Patches) hash() (sum [32]byte) {
	h := sha256.New()
	fmt.Fprintf(h, "%d %dx%d\n", p.Patch, p.Width, p.Height)
	var block [4096]byte
	for rest := p.Pixels; len(rest) > 0; {
		n := min(len(rest), len(block)/4)
		for i, v := range rest[:n] {
			binary.LittleEndian.PutUint32(block[4*i:], math.Float32bits(v))
		}
		h.Write(block[:4*n])
		rest = rest[n:]
	}
	h.Sum(sum[:0])
	return sum
}
