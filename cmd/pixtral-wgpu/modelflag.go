package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pocket"
)

// pocketName is the model in the program, as --model calls it.
const pocketName = "pocket"

// modelFlag names a model.
type modelFlag struct {
	model, mmproj string
	arch          *choice // nil where a model without weights is of no use
}

func (f *modelFlag) add(fs *pflag.FlagSet) {
	fs.StringVarP(&f.model, "model", "m", pocketName, "`path` of a model: a directory with the files of Mistral, Hugging Face or GGUF, a .gguf file, or a repository that pull fetched; \"pocket\" is the one in the program")
	fs.StringVar(&f.mmproj, "mmproj", "", "GGUF `file` of the image encoder (default the one beside the model)")
}

func (f *modelFlag) addArch(fs *pflag.FlagSet) {
	f.arch = oneOf(fs, "arch", "random weights of the architecture `name` instead of a model, made as they are needed: "+orList(archNames()), append([]string{""}, archNames()...)...)
}

// open opens the model's files and tells what was left out of them.
func (f *modelFlag) open(cmd *cobra.Command) (*model.Checkpoint, error) {
	if f.arch != nil && f.arch.value != "" {
		if cmd.Flags().Changed("model") || f.mmproj != "" {
			return nil, misuse("--arch and --model exclude each other: random weights come from no file")
		}
		return synthetic(f.arch.value, "", 0)
	}
	if f.model == pocketName && f.mmproj == "" {
		return model.ParseCheckpoint(pocketName, pocket.Params, pocket.Weights, pocket.Tekken)
	}
	path, more, err := locate(f.model)
	if err != nil {
		return nil, err
	}
	if f.mmproj != "" {
		more = []string{f.mmproj}
	}
	c, err := model.OpenCheckpoint(path, more...)
	if err != nil {
		return nil, err
	}
	for _, note := range c.Notes {
		fmt.Fprintln(cmd.ErrOrStderr(), "note: "+note)
	}
	return c, nil
}

// as returns the checkpoint to be loaded in a format: c itself, but random
// weights are made in that format rather than converted to it.
func (f *modelFlag) as(c *model.Checkpoint, quant string) *model.Checkpoint {
	if f.arch == nil || f.arch.value == "" || quant == "" {
		return c
	}
	made := model.Synthetic(c.Config, quant, 0)
	made.Name = c.Name
	return made
}

// An architecture is the sizes of a model that can do without its weights.
type architecture struct {
	name   string
	config func() (*model.Config, error)
}

var architectures = []architecture{
	{"pixtral-12b", func() (*model.Config, error) { return model.Pixtral12B(), nil }},
	{"1b", func() (*model.Config, error) { return oneB, nil }},
	{pocketName, func() (*model.Config, error) { return model.ParseConfig(pocket.Params) }},
}

// oneB is a text model of the size of Llama 3.2 1B, with Tekken's vocabulary:
// large enough to be bound by memory, small enough for a software adapter.
var oneB = &model.Config{
	Dim: 2048, Layers: 16, HeadDim: 64, HiddenDim: 8192, Heads: 32, KVHeads: 8,
	NormEps: 1e-5, VocabSize: 131072, RopeTheta: 500000,
}

func archNames() (names []string) {
	for _, a := range architectures {
		names = append(names, a.name)
	}
	return names
}

// synthetic returns random weights of an architecture.
func synthetic(arch, quant string, seed uint64) (*model.Checkpoint, error) {
	i := slices.IndexFunc(architectures, func(a architecture) bool { return a.name == arch })
	if i < 0 {
		return nil, misuse("there is no architecture %q; there are %s", arch, orList(archNames()))
	}
	config, err := architectures[i].config()
	if err != nil {
		return nil, err
	}
	c := model.Synthetic(config, quant, seed)
	c.Name = "random " + arch
	return c, nil
}
