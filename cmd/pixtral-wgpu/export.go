package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/shirou/gopsutil/v4/disk"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

// exportFlags say what is written, and where.
type exportFlags struct {
	quant *choice
	out   string
}

func (f *exportFlags) add(fs *pflag.FlagSet) {
	f.quant = quantFlag(fs, "")
	fs.StringVarP(&f.out, "out", "o", "", "`directory` to write to; it is made if it is not there")
}

func (f *exportFlags) check(cmd *cobra.Command) error {
	if f.out == "" {
		return misuse("where to? --out DIRECTORY is missing; for example: %s --out models/mine", cmd.CommandPath())
	}
	return nil
}

// make makes the directory, if the disk has room for the checkpoint.
func (f *exportFlags) make(c *model.Checkpoint) error {
	list, err := c.Placements(f.quant.value)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.out, 0o777); err != nil {
		return err
	}
	need := uint64(0)
	for _, t := range list {
		need += t.DeviceBytes // about what it takes in a file
	}
	usage, err := disk.Usage(f.out)
	if err == nil && need > usage.Free { // where the system does not tell, the disk itself will
		return fmt.Errorf("about %s are to be written, and the disk of %s has %s free: make room, or name another --out",
			gpu.Size(need), f.out, gpu.Size(usage.Free))
	}
	return nil
}

// write writes a checkpoint and prints the names of the files.
func (f *exportFlags) write(cmd *cobra.Command, c *model.Checkpoint, to func(context.Context, model.LoadOptions) ([]string, error)) error {
	if err := f.make(c); err != nil {
		return err
	}
	bar := newProgress(cmd.ErrOrStderr())
	defer bar.clear()
	paths, err := to(cmd.Context(), model.LoadOptions{Quant: f.quant.value, Progress: bar.bytes("writing " + c.Name)})
	bar.clear()
	if err != nil {
		return err
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		fmt.Fprintln(cmd.OutOrStdout(), path)
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", filepath.Base(path), gpu.Size(uint64(info.Size())))
	}
	return nil
}

func newQuantize() *cobra.Command {
	var m modelFlag
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "quantize --out DIR [flags]",
		Short: "Write a model as GGUF, for this program and for llama.cpp",
		Long: `Write a model as GGUF, for this program and for llama.cpp: the text model, and
beside it the image encoder as mmproj. The matrices of the decoder's layers get
the type that --quant names; embeddings and head at least q6_k, the image
encoder q8_0, and rows that a type's blocks do not divide another, as
pixtral-wgpu info lists it.`,
		Example: `  pixtral-wgpu quantize -m pixtral-12b --quant q4_k --out pixtral-12b-q4_k`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			c, err := m.open(cmd)
			if err != nil {
				return err
			}
			defer c.Close()
			if err := f.changes(c); err != nil {
				return err
			}
			return f.write(cmd, c, func(ctx context.Context, o model.LoadOptions) ([]string, error) {
				return c.WriteGGUF(ctx, f.out, ggufName(c.Name, o.Quant), o)
			})
		},
	}
	m.add(cmd.Flags())
	f.add(cmd.Flags())
	return cmd
}

// ggufName is the usual name of a file: the model's, and the type of the weights
// in place of the one that is there already.
func ggufName(name, asked string) string {
	name = strings.ReplaceAll(filepath.Base(name), " ", "-")
	if asked == "" {
		return name
	}
	at := strings.LastIndexAny(name, "-.")
	if _, err := quant.Lookup(strings.ToLower(name[at+1:])); err == nil && at > 0 {
		name = name[:at]
	}
	return name + "-" + asked
}

// changes fails if the type that is asked for changes nothing, and the file's
// name would lie.
func (f *exportFlags) changes(c *model.Checkpoint) error {
	asked, err := quant.Lookup(f.quant.value)
	if err != nil || asked.Codec == nil {
		return nil
	}
	if slices.ContainsFunc(layersAs(c, asked.Name), func(p model.Placement) bool { return converted(p) || p.Device.Name == asked.Name }) {
		return nil
	}
	return fmt.Errorf("model %s has no matrix in its layers that %s would make smaller; ask for fewer bits, or leave --quant out", c.Name, asked.Name)
}

func newSynth() *cobra.Command {
	var f exportFlags
	var arch *choice
	var seed uint64
	var tekken string
	cmd := &cobra.Command{
		Use:   "synth --arch NAME --out DIR [flags]",
		Short: "Write a model of random weights",
		Long: `Write a model of random weights, of the size and shapes of a real one, to try
loading, memory and speed with. The same seed gives the same bytes. Float types
are written in Mistral's form, block types as GGUF.

run, info and bench need no file for it: their --arch makes the weights as they
are needed.`,
		Example: `  pixtral-wgpu synth --arch pixtral-12b --quant q4_k --out random`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if arch.value == "" {
				return misuse("of what? --arch NAME is missing; there are %s", orList(archNames()))
			}
			if err := f.check(cmd); err != nil {
				return err
			}
			return f.synth(cmd, arch.value, tekken, seed)
		},
	}
	arch = oneOf(cmd.Flags(), "arch", "the architecture, by `name`: "+orList(archNames()), append([]string{""}, archNames()...)...)
	f.add(cmd.Flags())
	cmd.Flags().Uint64Var(&seed, "seed", 0, "`number` that the weights follow from")
	cmd.Flags().StringVar(&tekken, "tekken", "", "a `file` tekken.json to go with the weights")
	return cmd
}

// synth writes random weights, and a vocabulary if there is one.
func (f *exportFlags) synth(cmd *cobra.Command, arch, tekken string, seed uint64) error {
	c, err := synthetic(arch, f.quant.value, seed)
	if err != nil {
		return err
	}
	defer c.Close()
	format, err := quant.Lookup(f.quant.value)
	if err == nil && format.Codec != nil {
		if tekken != "" {
			t, err := tokenizer.Open(tekken)
			if err != nil {
				return err
			}
			c.Tokenizer = t
		}
		return f.write(cmd, c, func(ctx context.Context, o model.LoadOptions) ([]string, error) {
			return c.WriteGGUF(ctx, f.out, ggufName(arch, o.Quant), o)
		})
	}
	if tekken != "" {
		if _, err := tokenizer.Open(tekken); err != nil {
			return err
		}
	}
	return f.write(cmd, c, func(ctx context.Context, o model.LoadOptions) ([]string, error) {
		if tekken == "" {
			return c.WriteMistral(ctx, f.out, o)
		}
		data, err := os.ReadFile(tekken)
		if err != nil {
			return nil, err
		}
		paths, err := c.WriteMistral(ctx, f.out, o)
		if err != nil {
			return nil, err
		}
		vocabulary := filepath.Join(f.out, "tekken.json")
		return append(paths, vocabulary), os.WriteFile(vocabulary, data, 0o666)
	})
}
