package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/tokenizer"
)

// A lens is how a model sees images: in squares of patch pixels, at most side
// pixels long.
type lens struct{ patch, side int }

// lensOf returns the lens of a model; a vocabulary may want smaller images
// than the encoder could take.
func lensOf(name string, c *model.Config, any tokenizer.Tokenizer) (lens, error) {
	if c.VisionEncoder == nil {
		return lens{}, fmt.Errorf("model %s reads text only; it cannot take images", name)
	}
	if t, ok := any.(*tokenizer.Tekken); ok && t.Image.PatchSize > 0 {
		return lensOfVocabulary(t)
	}
	return lens{c.VisionEncoder.PatchSize, c.VisionEncoder.ImageSize}, nil
}

func lensOfVocabulary(any tokenizer.Tokenizer) (lens, error) {
	t, ok := any.(*tokenizer.Tekken)
	if !ok || t.Image.PatchSize == 0 {
		return lens{}, fmt.Errorf("the vocabulary is of a model that reads text only; it cannot take images")
	}
	return lens{t.Image.PatchSize, t.Image.MaxSize}, nil
}

// A camera reads images.
type camera struct {
	reader
	options pixels.Options
}

func (f *imageFlags) camera(cmd *cobra.Command) *camera {
	return &camera{reader{cmd.Context(), cmd.InOrStdin(), int64(f.mostMB) << 20}, f.options()}
}

// take reads one image.
func (c *camera) take(source string, l lens) (*pixels.Patches, error) {
	data, err := c.read(source)
	if err == nil {
		return c.develop(data, source, l)
	}
	return nil, imageError(source, err)
}

// takeAll reads several images; standard input can be only one of them.
func (c *camera) takeAll(sources []string, l lens) ([]*pixels.Patches, error) {
	stdin := 0
	for _, source := range sources {
		if source == "-" {
			stdin++
		}
	}
	if stdin > 1 {
		return nil, misuse(`"-", standard input, can be only one image`)
	}
	return pixels.All(c.ctx, len(sources), func(_ context.Context, i int) (*pixels.Patches, error) { return c.take(sources[i], l) })
}

// takeParts reads the images of a conversation.
func (c *camera) takeParts(parts []tokenizer.Part, l lens) ([]*pixels.Patches, error) {
	return pixels.All(c.ctx, len(parts), func(_ context.Context, i int) (*pixels.Patches, error) { return c.takePart(parts[i], l) })
}

// takePart reads an image of a conversation: an "image" is base64 or a data
// URI, an "image_url" any source.
func (c *camera) takePart(part tokenizer.Part, l lens) (*pixels.Patches, error) {
	if part.Type != tokenizer.PartImage || strings.HasPrefix(part.Source, "data:") {
		return c.take(part.Source, l)
	}
	data, err := pixels.Base64(part.Source)
	if err != nil {
		return nil, imageError(part.Source, err)
	}
	return c.develop(data, part.Source, l)
}

func (c *camera) develop(data []byte, source string, l lens) (*pixels.Patches, error) {
	img, err := pixels.Decode(data, c.options)
	if err != nil {
		return nil, imageError(source, err)
	}
	patches, err := pixels.Preprocess(img, l.patch, l.side)
	if err != nil {
		return nil, imageError(source, err)
	}
	return patches, nil
}

func imageError(source string, err error) error {
	return fmt.Errorf("image %s: %w", shorten(source), err)
}

// shorten cuts what is too long for an error: data URIs are.
func shorten(source string) string {
	const most = 80
	if r := []rune(source); len(r) > most {
		return string(r[:most/2]) + "…"
	}
	return source
}
