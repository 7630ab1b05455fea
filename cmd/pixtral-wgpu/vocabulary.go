package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pixtral-wgpu/tokenizer"
)

// vocabularyFlags name a vocabulary: a file of its own, or a model's.
type vocabularyFlags struct {
	modelFlag
	tekken string
}

func (f *vocabularyFlags) add(fs *pflag.FlagSet) {
	f.modelFlag.add(fs)
	fs.StringVar(&f.tekken, "tekken", "", "a `file` tekken.json, instead of the model's")
}

// open returns the vocabulary and a name for the model it belongs to.
func (f *vocabularyFlags) open(cmd *cobra.Command) (tokenizer.Tokenizer, string, error) {
	if f.tekken != "" {
		t, err := tokenizer.Open(f.tekken)
		return t, f.tekken, err
	}
	c, err := f.modelFlag.open(cmd)
	if err != nil {
		return nil, "", err
	}
	defer c.Close()
	if c.Tokenizer == nil {
		return nil, "", fmt.Errorf("model %s has no tekken.json; name one with --tekken", c.Name)
	}
	return c.Tokenizer, c.Name, nil
}
