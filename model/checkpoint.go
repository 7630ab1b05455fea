package model

import (
	"fmt"
	"io"
	"os"
	"slices"

	"pixtral-wgpu/model/gguf"
	"pixtral-wgpu/model/safetensors"
	"pixtral-wgpu/tokenizer"
)

// A Checkpoint is a model on disk, opened and checked but not yet on a device.
type Checkpoint struct {
	Name      string
	Config    *Config
	Tokenizer tokenizer.Tokenizer // nil if there is none
	Source    Source

	Notes []string // what was found and left out, for the user

	streams int  // models that read layers from it while they run
	closed  bool // by its owner
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

// open reads the config, maps the weights by the mapper of their format, and
// reads the tokenizer.
func (f *found) open() (*Checkpoint, error) {
	c := &Checkpoint{Name: f.name}
	var text *gguf.File
	var err error
	switch {
	case f.params != "":
		c.Config, c.Source, err = openMistral(f.params, f.weights)
	case f.config != "":
		c.Config, c.Source, err = openHF(f.config, f.index, f.weights)
	default:
		text, err = c.openGGUF(f)
	}
	if err == nil {
		err = c.checkTensors()
	}
	if err == nil {
		err = c.openVocabulary(f, text)
	}
	if err != nil && c.Source != nil {
		c.Close()
	}
	if err != nil {
		return nil, err
	}
	return c, nil
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
	if err := c.checkTensors(); err != nil || tekken == nil {
		return c, err
	}
	t, err := tokenizer.Parse(tekken)
	if err != nil {
		return nil, err
	}
	if err := checkTokenizer(config, t); err != nil {
		return nil, fmt.Errorf("%s: %w", tekkenFile, err)
	}
	c.Tokenizer = t
	return c, nil
}

// checkTensors compares the tensors with the config.
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

// Close closes the weights' files. A loaded model no longer needs them, unless
// layers are streamed: then they stay open until the model is closed.
func (c *Checkpoint) Close() error {
	c.closed = true
	if c.streams > 0 {
		return nil
	}
	return c.Source.Close()
}

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
