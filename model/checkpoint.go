package model

import (
	"fmt"
	"io"
	"os"
	"slices"

	"pixtral-wgpu/model/safetensors"
	"pixtral-wgpu/tokenizer"
)

// A Checkpoint is a model on disk, opened and checked but not yet on a device.
type Checkpoint struct {
	Name      string
	Config    *Config
	Tokenizer *tokenizer.Tekken // nil if there is none
	Source    Source

	Notes []string // what was found and left out, for the user
}

// OpenCheckpoint opens a model: a directory with files in Mistral's layout,
// in Hugging Face's or in GGUF, a .gguf file, or a .safetensors file beside its
// config. A GGUF's images are in a second file, the mmproj, which is given as
// more or else found in the same directory. tekken.json is read if it is there.
// Every tensor that the config implies must be there, in its shape and of a
// type that can be read, and no other.
func OpenCheckpoint(path string, more ...string) (*Checkpoint, error) {
	found, err := find(path, more)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	c, err := found.open()
	if err != nil {
		return nil, fmt.Errorf("model: %s: %w", path, err)
	}
	return c, nil
}

// open reads the config and the tokenizer and maps the weights.
func (f *found) open() (*Checkpoint, error) {
	c, err := f.source()
	if err != nil {
		return nil, err
	}
	c.Name = f.name
	if f.tekken != "" {
		c.Tokenizer, err = tokenizer.Open(f.tekken)
	}
	if err == nil {
		err = c.check()
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// source calls the mapper of the format.
func (f *found) source() (*Checkpoint, error) {
	c := &Checkpoint{}
	var err error
	switch {
	case f.params != "":
		c.Config, c.Source, err = openMistral(f.params, f.weights)
	default:
		c.Config, c.Source, err = openHF(f.config, f.index, f.weights)
	}
	return c, err
}

// ParseCheckpoint is OpenCheckpoint for files of Mistral's layout in memory;
// tekken may be nil.
func ParseCheckpoint(name string, params, weights, tekken []byte) (*Checkpoint, error) {
	c, err := parseCheckpoint(name, params, weights, tekken)
	if err != nil {
		return nil, fmt.Errorf("model: %s: %w", name, err)
	}
	return c, nil
}

func parseCheckpoint(name string, params, weights, tekken []byte) (*Checkpoint, error) {
	config, err := ParseConfig(params)
	if err != nil {
		return nil, err
	}
	f, err := safetensors.Parse(weights, weightsFile)
	if err != nil {
		return nil, err
	}
	source, err := MistralSource(weightsFile, f)
	if err != nil {
		return nil, err
	}
	c := &Checkpoint{Name: name, Config: config, Source: source}
	if tekken != nil {
		if c.Tokenizer, err = tokenizer.Parse(tekken); err != nil {
			return nil, err
		}
	}
	return c, c.check()
}

// check compares the tensors and the tokenizer with the config.
func (c *Checkpoint) check() error {
	if err := c.checkTensors(); err != nil {
		return err
	}
	if c.Tokenizer == nil {
		return nil
	}
	if err := checkTokenizer(c.Config, c.Tokenizer); err != nil {
		return fmt.Errorf("%s: %w", tekkenFile, err)
	}
	return nil
}

func (c *Checkpoint) checkTensors() error {
	known := map[string]bool{}
	for _, spec := range c.Config.Tensors() {
		known[spec.Name] = true
		t, ok := c.Source.Tensor(spec.Name)
		switch {
		case !ok:
			return fmt.Errorf("%s is missing; the files are another model's, or a part of one", spec.Name)
		case !slices.Equal(t.Shape, spec.Shape):
			return fmt.Errorf("%s is %v, which by the config should be %v", t.Origin, t.Shape, spec.Shape)
		case len(t.Shape) == 1 && t.Format.Codec != nil:
			return fmt.Errorf("%s is of type %s; a norm or a bias is F32, F16 or BF16", t.Origin, t.Format.Name)
		}
	}
	for _, name := range c.Source.Names() {
		if !known[name] {
			t, _ := c.Source.Tensor(name)
			return fmt.Errorf("%s is no part of a Pixtral of this config", t.Origin)
		}
	}
	return nil
}

func checkTokenizer(c *Config, t *tokenizer.Tekken) error {
	if t.VocabSize() != c.VocabSize {
		return fmt.Errorf("%d tokens, but the model's vocabulary has %d", t.VocabSize(), c.VocabSize)
	}
	v := c.VisionEncoder
	if v == nil {
		return nil
	}
	if int32(t.Control.Image) != v.ImageTokenID || int32(t.Control.ImageBreak) != v.ImageBreakTokenID || int32(t.Control.ImageEnd) != v.ImageEndTokenID {
		return fmt.Errorf("[IMG], [IMG_BREAK] and [IMG_END] are %d, %d and %d, but the model's are %d, %d and %d",
			t.Control.Image, t.Control.ImageBreak, t.Control.ImageEnd, v.ImageTokenID, v.ImageBreakTokenID, v.ImageEndTokenID)
	}
	if t.Image.PatchSize != v.PatchSize || t.Image.MaxSize > v.ImageSize {
		return fmt.Errorf("images of %d pixels in patches of %d, but the model takes %d in patches of %d",
			t.Image.MaxSize, t.Image.PatchSize, v.ImageSize, v.PatchSize)
	}
	return nil
}

// Close closes the weights' files. A loaded model no longer needs them.
func (c *Checkpoint) Close() error { return c.Source.Close() }

// Bytes returns the size of the weights in their files.
func (c *Checkpoint) Bytes() (n uint64) {
	for _, name := range c.Source.Names() {
		t, _ := c.Source.Tensor(name)
		n += t.Bytes()
	}
	return n
}

// readSmall reads a file that describes weights, and so has far fewer bytes.
func readSmall(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s has more than %d bytes; it is not what its name says", path, limit)
	}
	return data, err
}
