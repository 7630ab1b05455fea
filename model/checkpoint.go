package model

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"pixtral-wgpu/model/safetensors"
	"pixtral-wgpu/tokenizer"
)

// A Checkpoint is a model on disk, opened and checked but not yet on a device.
type Checkpoint struct {
	Name      string
	Config    *Config
	Tokenizer *tokenizer.Tekken // nil if there is none
	Weights   *safetensors.File
}

// The files of a checkpoint in Mistral's layout.
const (
	paramsFile  = "params.json"
	weightsFile = "consolidated.safetensors"
	tekkenFile  = "tekken.json"
)

// maxParams bounds params.json, which has a few hundred bytes.
const maxParams = 1 << 20

// OpenCheckpoint opens the files params.json, consolidated.safetensors and, if
// there is one, tekken.json of a directory. Every tensor that the sizes imply
// must be there, with its shape and as F32, F16 or BF16, and no other.
func OpenCheckpoint(dir string) (*Checkpoint, error) {
	path := filepath.Join(dir, paramsFile)
	if info, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("model: %w; a model is a directory with %s, %s and %s", err, paramsFile, weightsFile, tekkenFile)
	} else if info.Size() > maxParams {
		return nil, fmt.Errorf("model: %s has %d bytes; it is not a list of sizes", path, info.Size())
	}
	params, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	w, err := safetensors.Open(filepath.Join(dir, weightsFile))
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	var tekken *tokenizer.Tekken
	if path := filepath.Join(dir, tekkenFile); exists(path) {
		if tekken, err = tokenizer.Open(path); err != nil {
			w.Close()
			return nil, fmt.Errorf("model: %w", err)
		}
	}
	c, err := newCheckpoint(filepath.Base(filepath.Clean(dir)), params, w, tekken)
	if err != nil {
		w.Close()
		return nil, fmt.Errorf("model: %s: %w", dir, err)
	}
	return c, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// ParseCheckpoint is OpenCheckpoint for files in memory; tekken may be nil.
func ParseCheckpoint(name string, params, weights, tekken []byte) (*Checkpoint, error) {
	w, err := safetensors.Parse(weights, name+"/"+weightsFile)
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	var t *tokenizer.Tekken
	if tekken != nil {
		if t, err = tokenizer.Parse(tekken); err != nil {
			return nil, fmt.Errorf("model: %s: %w", name, err)
		}
	}
	c, err := newCheckpoint(name, params, w, t)
	if err != nil {
		return nil, fmt.Errorf("model: %s: %w", name, err)
	}
	return c, nil
}

func newCheckpoint(name string, params []byte, w *safetensors.File, t *tokenizer.Tekken) (*Checkpoint, error) {
	config, err := ParseConfig(params)
	if err != nil {
		return nil, err
	}
	if err := checkTensors(config, w); err != nil {
		return nil, fmt.Errorf("%s: %w", weightsFile, err)
	}
	if t != nil {
		if err := checkTokenizer(config, t); err != nil {
			return nil, fmt.Errorf("%s: %w", tekkenFile, err)
		}
	}
	return &Checkpoint{Name: name, Config: config, Tokenizer: t, Weights: w}, nil
}

func checkTensors(c *Config, w *safetensors.File) error {
	known := map[string]bool{}
	for _, spec := range c.Tensors() {
		known[spec.Name] = true
		t, ok := w.Tensor(spec.Name)
		if !ok {
			return fmt.Errorf("%s is missing; the file is another model's, or a part of one", spec.Name)
		}
		if !slices.Equal(t.Shape, spec.Shape) {
			return fmt.Errorf("%s is %v, which by %s should be %v", spec.Name, t.Shape, paramsFile, spec.Shape)
		}
		if _, ok := formatOf[t.DType]; !ok {
			return fmt.Errorf("%s is of type %s; F32, F16 and BF16 can be read", spec.Name, t.DType)
		}
	}
	for _, name := range w.Names() {
		if !known[name] {
			return fmt.Errorf("%s is no part of a Pixtral; %s does not describe this file", name, paramsFile)
		}
	}
	return nil
}

// formatOf names the weight format that a matrix takes on the device: its own.
var formatOf = map[safetensors.DType]string{
	safetensors.BF16: "bf16", safetensors.F16: "f16", safetensors.F32: "f32",
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

// Close closes the weights' file. A loaded model no longer needs it.
func (c *Checkpoint) Close() error { return c.Weights.Close() }

// Bytes returns the size of the weights.
func (c *Checkpoint) Bytes() (n uint64) {
	for _, name := range c.Weights.Names() {
		t, _ := c.Weights.Tensor(name)
		n += uint64(len(t.Data))
	}
	return n
}
