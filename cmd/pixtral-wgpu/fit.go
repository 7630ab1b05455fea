package main

import (
	"cmp"
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
	contextAsked bool // --ctx was given
}

// auto leaves the format of the weights to the memory there is.
const auto = "auto"

// add adds the flags; kvs are the types of keys and values, the default first.
func (f *fitFlags) add(fs *pflag.FlagSet, kvs ...string) {
	f.quant = quantFlag(fs, "", auto)
	fs.IntVar(&f.context, "ctx", model.DefaultContext, "`tokens` of memory for the prompt and the answer together")
	f.kv = oneOf(fs, "kv", "type of the keys and values in memory", kvs...)
}

// quantFlag adds the flag for the type of weights; before are values other than
// the formats.
func quantFlag(fs *pflag.FlagSet, before ...string) *choice {
	values := before
	for _, f := range quant.Formats {
		values = append(values, f.Name)
	}
	return oneOf(fs, "quant", "`type` of the weights: "+strings.Trim(orList(values), ", ")+" (default as in the file)", values...)
}

// orList lists words for people.
func orList(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func (f *fitFlags) check(cmd *cobra.Command) error {
	f.contextAsked = cmd.Flags().Changed("ctx")
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
		return "an unknown memory"
	case o.Free == o.Total:
		return fmt.Sprintf("%s (%s)", gpu.Size(o.Total), o.Source)
	}
	return fmt.Sprintf("%s free of %s (%s)", gpu.Size(o.Free), gpu.Size(o.Total), o.Source)
}

// A fit is what a model is loaded as.
type fit struct {
	quant   string
	context int
	plan    model.Plan
}

// settle picks what --quant auto leaves open, and refuses what does not fit.
func (f *fitFlags) settle(c *model.Checkpoint, o model.SessionOptions, most offer) (fit, error) {
	if f.quant.value == auto {
		return f.pick(c, o, most)
	}
	plan, err := c.Plan(f.quant.value, o)
	if err == nil && most.Usable > 0 && plan.Total() > most.Usable {
		err = f.refuse(c, o, plan, most)
	}
	return fit{f.quant.value, o.Context, plan}, err
}

// smallest is the format of last resort.
const smallest = "q4_k"

// pick takes the best format that fits, and a smaller context if not even the
// smallest does and the context was not asked for.
func (f *fitFlags) pick(c *model.Checkpoint, o model.SessionOptions, most offer) (fit, error) {
	if most.Usable == 0 {
		return fit{}, fmt.Errorf("--quant auto needs to know the memory, and the system does not tell; say it with --memory, for example --memory 8GiB")
	}
	name, plan, err := c.Auto(o, most.Usable)
	if err != nil && !f.contextAsked {
		if n, _ := c.FitContext(smallest, o, most.Usable); n > 0 {
			name, o.Context = smallest, n
			plan, err = c.Plan(name, o)
		}
	}
	return fit{name, o.Context, plan}, err
}

// refuse says what would fit.
func (f *fitFlags) refuse(c *model.Checkpoint, o model.SessionOptions, plan model.Plan, most offer) error {
	advice := "not even " + smallest + " with a small context does; use another --device"
	name, better, err := c.Auto(o, most.Usable)
	if err == nil {
		advice = fmt.Sprintf("use --quant %s, which needs %s", name, gpu.Size(better.Total()))
	} else if n, err := c.FitContext(f.quant.value, o, most.Usable); err == nil && n > 0 {
		advice = fmt.Sprintf("use --ctx %d", n)
	} else if n, err := c.FitContext(smallest, o, most.Usable); err == nil && n > 0 {
		advice = fmt.Sprintf("use --quant %s --ctx %d", smallest, n)
	}
	if most.Source == "--memory" {
		advice += ", or a larger --memory"
	} else {
		advice += ", or --memory to try all the same"
	}
	return fmt.Errorf("model %s needs %s as %s with a context of %d, and there is %v: %s",
		c.Name, gpu.Size(plan.Total()), cmp.Or(f.quant.value, "it is"), o.Context, most, advice)
}
