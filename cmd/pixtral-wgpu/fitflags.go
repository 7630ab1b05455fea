package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/model"
)

// fitFlags say how much memory a model takes.
type fitFlags struct {
	quant        *choice
	kv           *choice
	context      int
	gpuLayers    int  // -1 means all
	contextAsked bool // --ctx was given
}

// auto leaves the format of the weights to the memory there is.
const auto = "auto"

// add adds the flags; kvs are the types of keys and values, the default first.
func (f *fitFlags) add(fs *pflag.FlagSet, kvs ...string) {
	f.quant = quantFlag(fs, "", auto)
	fs.IntVar(&f.context, "ctx", model.DefaultContext, "`tokens` of memory for the prompt and the answer together")
	fs.IntVar(&f.gpuLayers, "gpu-layers", -1, "`layers` to keep on the adapter; the others stay in host memory and are sent there for each pass, which is slow (default all)")
	fs.Lookup("gpu-layers").DefValue = "0" // the help has said it
	f.kv = oneOf(fs, "kv", "type of the keys and values in memory", kvs...)
}

// quantFlag adds the flag for the type of weights; before are values other than
// the formats.
func quantFlag(fs *pflag.FlagSet, before ...string) *choice {
	values := before
	for _, f := range quant.Formats {
		values = append(values, f.Name)
	}
	return oneOf(fs, "quant", "`type` of the weights: "+strings.TrimLeft(orList(values), ", ")+" (default as in the file)", values...)
}

// formatNames lists the types of weights.
func formatNames() string {
	var names []string
	for _, f := range quant.Formats {
		names = append(names, f.Name)
	}
	return orList(names)
}

// orList lists words for people.
func orList(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func (f *fitFlags) check(cmd *cobra.Command) error {
	f.contextAsked = cmd.Flags().Changed("ctx")
	if cmd.Flags().Changed("gpu-layers") && f.gpuLayers < 0 {
		return misuse("--gpu-layers %d: it is a number of layers", f.gpuLayers)
	}
	return checkContext(f.context)
}

func checkContext(tokens int) error {
	if tokens < 2 || tokens > model.MaxContext {
		return misuse("--ctx %d: it may be 2 to %d", tokens, model.MaxContext)
	}
	return nil
}

func (f *fitFlags) options() model.SessionOptions {
	return model.SessionOptions{Context: f.context, KV: f.kv.value}
}

// An offer is the memory of an adapter; zeros where nobody knows.
type offer struct {
	Total  uint64 `json:"total"`
	Free   uint64 `json:"free"`
	Usable uint64 `json:"usable"` // of Free, what a model may take
	Source string `json:"source"`
}

// offer asks for an adapter's memory, unless --memory says it. A thirty-second
// part stays free, for what the driver itself takes.
func (f *deviceFlags) offer(i gpu.Info) offer {
	if n := uint64(f.memory); n > 0 {
		return offer{n, n, n, "--memory"}
	}
	o := offer{}
	o.Total, o.Free, o.Source = gpu.Memory(i)
	o.Usable = o.Free - min(o.Free, o.Total/32)
	return o
}

func (o offer) String() string {
	switch {
	case o.Source == "":
		return "unknown: the system does not tell"
	case o.Free == o.Total:
		return fmt.Sprintf("%s (%s)", gpu.Size(o.Total), o.Source)
	}
	return fmt.Sprintf("%s free of %s (%s)", gpu.Size(o.Free), gpu.Size(o.Total), o.Source)
}
