package main

import (
	"cmp"
	"fmt"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
)

// A fit is what a model is loaded as.
type fit struct {
	quant    string
	context  int
	streamed int // layers that stay in host memory
	plan     model.Plan
}

func (f fit) String() string {
	text := fmt.Sprintf("%s with a context of %d", cmp.Or(f.quant, "unchanged"), f.context)
	if f.streamed > 0 {
		text += fmt.Sprintf(" and %s in host memory", plural(f.streamed, "layer"))
	}
	return text + ": " + gpu.Size(f.plan.Total())
}

// settle picks what --quant auto leaves open, and refuses what does not fit.
func (f *fitFlags) settle(c *model.Checkpoint, o model.SessionOptions, most offer) (fit, error) {
	if f.gpuLayers > c.Config.Layers {
		return fit{}, misuse("--gpu-layers %d: the model has %d", f.gpuLayers, c.Config.Layers)
	}
	if f.quant.value == auto {
		return f.pick(c, o, most)
	}
	plan, err := c.PlanStreamed(f.quant.value, f.streamed(c), o)
	if err == nil && most.Usable > 0 && plan.Total() > most.Usable {
		err = f.refuse(c, o, plan, most)
	}
	return fit{f.quant.value, o.Context, f.streamed(c), plan}, err
}

// streamed returns how many layers stay in host memory by --gpu-layers.
func (f *fitFlags) streamed(c *model.Checkpoint) int {
	if f.gpuLayers < 0 {
		return 0
	}
	return c.Config.Layers - f.gpuLayers
}

const (
	smallest     = "q4_k" // the format of last resort
	leastContext = 1024   // tokens, below which layers rather stay in host memory
	autoContext  = 32768  // tokens: seven of the largest images; more is for --ctx, for other programs want memory too
)

// pick takes the best format that fits, and with it as large a context as fits,
// up to autoContext. If not even the smallest does, it takes a smaller context,
// if that does not help it leaves layers in host memory, and at last both,
// unless the flags say otherwise.
func (f *fitFlags) pick(c *model.Checkpoint, o model.SessionOptions, most offer) (fit, error) {
	if most.Usable == 0 {
		return fit{}, fmt.Errorf("--quant auto needs to know the memory, and the system does not tell; say it with --memory, for example --memory 8GiB")
	}
	if f.gpuLayers >= 0 {
		return f.pickFormat(c, o, most)
	}
	name, _, err := c.Auto(o, most.Usable)
	if err == nil {
		return f.widen(c, fit{quant: name, context: o.Context}, o, most)
	}
	if n, fail := c.FitContext(smallest, 0, o, most.Usable); fail == nil && n >= leastContext && !f.contextAsked {
		return f.widen(c, fit{quant: smallest, context: n}, o, most)
	}
	if n, plan, fail := stream(c, smallest, o, most.Usable); fail == nil {
		return fit{smallest, o.Context, n, plan}, nil
	}
	if n, fail := c.FitContext(smallest, c.Config.Layers, o, most.Usable); fail == nil && n >= leastContext && !f.contextAsked {
		return f.widen(c, fit{quant: smallest, context: n, streamed: c.Config.Layers}, o, most)
	}
	return fit{}, err
}

// widen gives what is picked the largest context that fits, up to autoContext,
// unless --ctx says how large it is, and plans it.
func (f *fitFlags) widen(c *model.Checkpoint, picked fit, o model.SessionOptions, most offer) (fit, error) {
	if !f.contextAsked {
		n, err := c.FitContext(picked.quant, picked.streamed, o, most.Usable)
		if err != nil {
			return fit{}, err
		}
		picked.context = max(picked.context, min(n, autoContext))
	}
	var err error
	o.Context = picked.context
	picked.plan, err = c.PlanStreamed(picked.quant, picked.streamed, o)
	return picked, err
}

// pickFormat takes the best format that fits with the layers of --gpu-layers on
// the adapter.
func (f *fitFlags) pickFormat(c *model.Checkpoint, o model.SessionOptions, most offer) (fit, error) {
	for _, name := range []string{"", "q8_0", "q6_k", "q5_k", smallest} {
		plan, err := c.PlanStreamed(name, f.streamed(c), o)
		if err != nil {
			return fit{}, err
		}
		if plan.Total() <= most.Usable {
			return f.widen(c, fit{quant: name, context: o.Context, streamed: f.streamed(c)}, o, most)
		}
	}
	return fit{}, fmt.Errorf("model %s does not fit into %v with %s on the adapter, not even as %s; use a smaller --gpu-layers or --ctx",
		c.Name, most, plural(f.gpuLayers, "layer"), smallest)
}

// stream finds how few layers must stay in host memory for the rest to fit.
func stream(c *model.Checkpoint, name string, o model.SessionOptions, bytes uint64) (n int, plan model.Plan, err error) {
	for n = range c.Config.Layers + 1 {
		if plan, err = c.PlanStreamed(name, n, o); err != nil || plan.Total() <= bytes {
			return n, plan, err
		}
	}
	return n, plan, fmt.Errorf("not even one layer at a time fits")
}

// refuse says what would fit.
func (f *fitFlags) refuse(c *model.Checkpoint, o model.SessionOptions, plan model.Plan, most offer) error {
	advice := "not even " + smallest + " with a layer at a time does; use another --device"
	free := fitFlags{gpuLayers: -1}
	if name, better, err := c.Auto(o, most.Usable); err == nil && name == "" {
		advice = fmt.Sprintf("leave --quant out, as it is the model needs %s", gpu.Size(better.Total()))
	} else if err == nil {
		advice = fmt.Sprintf("use --quant %s, which needs %s", name, gpu.Size(better.Total()))
	} else if n, err := c.FitContext(f.quant.value, f.streamed(c), o, most.Usable); err == nil && n > 0 {
		advice = fmt.Sprintf("use --ctx %d", n)
	} else if picked, err := free.pick(c, o, most); err == nil && picked.streamed == 0 {
		advice = fmt.Sprintf("use --quant %s --ctx %d", picked.quant, picked.context)
	} else if err == nil {
		advice = fmt.Sprintf("use --quant %s --ctx %d --gpu-layers %d, which is slow", picked.quant, picked.context, c.Config.Layers-picked.streamed)
	}
	if most.Source == "--memory" {
		advice += ", or a larger --memory"
	} else {
		advice += ", or --memory to try all the same"
	}
	return fmt.Errorf("model %s needs %s as %s with a context of %d, and there is %v: %s",
		c.Name, gpu.Size(plan.Total()), cmp.Or(f.quant.value, "it is"), o.Context, most, advice)
}
