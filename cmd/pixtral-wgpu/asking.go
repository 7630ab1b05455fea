package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/model"
)

// askFlags are the flags of run and trace.
type askFlags struct {
	modelFlag
	promptFlags
	deviceFlags
	fitFlags
	sampler   model.Sampler
	maxTokens int
	stop      []string
	json      bool
}

// add adds the flags; kvs are the types of keys and values, the default first.
func (f *askFlags) add(fs *pflag.FlagSet, maxTokens int, kvs ...string) {
	f.modelFlag.add(fs)
	f.modelFlag.addArch(fs)
	f.promptFlags.add(fs)
	fs.IntVar(&f.maxTokens, "max-tokens", maxTokens, "longest answer, in `tokens`; 0 leaves it to the model")
	fs.Float64Var(&f.sampler.Temperature, "temperature", 0.35, "how freely to pick tokens; 0 picks the likeliest")
	fs.Float64Var(&f.sampler.TopP, "top-p", 0, "pick among the likeliest that together reach this `probability`; 0 is off")
	fs.IntVar(&f.sampler.TopK, "top-k", 0, "pick among so many of the likeliest `tokens`; 0 is off")
	fs.Float64Var(&f.sampler.MinP, "min-p", 0, "pick among those at least so likely as the likeliest times this `factor`; 0 is off")
	fs.Uint64Var(&f.sampler.Seed, "seed", 0, "`number` that repeats an answer (default a new one each time)")
	fs.StringArrayVar(&f.stop, "stop", nil, "`text` that ends the answer; may be repeated")
	f.fitFlags.add(fs, kvs...)
	f.deviceFlags.add(fs)
	f.tuneFlags.add(fs)
	fs.BoolVar(&f.json, "json", false, "print one JSON object instead")
}

// check reports a bad value and picks a seed if there is none.
func (f *askFlags) check(cmd *cobra.Command) error {
	if err := f.sampler.Check(); err != nil {
		return misuse("%w", err)
	}
	if f.maxTokens < 0 {
		return misuse("--max-tokens %d: an answer cannot be shorter than nothing", f.maxTokens)
	}
	if err := f.fitFlags.check(cmd); err != nil {
		return err
	}
	if !cmd.Flags().Changed("seed") {
		f.sampler.Seed = uint64(rand.Uint32()) // short enough to be typed
	}
	return nil
}

// An asking is a prompt and the model it goes to, loaded.
type asking struct {
	prompt   model.Prompt
	model    *model.Pixtral
	session  *model.Session
	progress *progress
	quant    string
	context  int // tokens
	planned  uint64
	loading  time.Duration

	close []func()
}

// open reads the images, makes the prompt and loads the model, in this order:
// the prompt's mistakes, and that the model does not fit, are known before the
// weights are read.
func (f *askFlags) open(cmd *cobra.Command, args []string, allLogits bool) (_ *asking, err error) {
	line, err := f.parse(cmd, args)
	if err = cmp.Or(err, f.check(cmd)); err != nil {
		return nil, err
	}
	a := &asking{progress: newProgress(cmd.ErrOrStderr())}
	defer func() {
		if err != nil {
			a.Close()
		}
	}()
	start := time.Now()
	checkpoint, err := f.modelFlag.open(cmd)
	if err != nil {
		return nil, err
	}
	defer checkpoint.Close()
	if a.prompt, err = f.prompt(cmd, line, checkpoint); err != nil {
		return nil, err
	}
	if err = checkpoint.Config.Check(a.prompt); err != nil {
		return nil, err
	}
	var device *gpu.Device
	if device, err = f.openFast(cmd.ErrOrStderr()); err != nil {
		return nil, err
	}
	a.close = append(a.close, device.Close)
	chosen, err := f.fit(cmd, checkpoint, device, allLogits)
	if err != nil {
		return nil, err
	}
	if n := len(a.prompt.Tokens); n >= chosen.context {
		return nil, &model.ContextError{Tokens: n, Fits: chosen.context - 1}
	}
	a.quant, a.context, a.planned = chosen.quant, chosen.context, chosen.plan.Total()
	checkpoint = f.as(checkpoint, chosen.quant)
	if err = f.tune(cmd.Context(), cmd.ErrOrStderr(), device, checkpoint, chosen.quant, f.kv.value); err != nil {
		return nil, err
	}
	began := time.Now()
	load := model.LoadOptions{Quant: chosen.quant, Streamed: chosen.streamed, Progress: a.progress.bytes("loading " + checkpoint.Name)}
	if a.model, err = model.Load(cmd.Context(), device, checkpoint, load); err != nil {
		return nil, err
	}
	a.close = append(a.close, a.model.Close)
	f.adviseQuantize(cmd, checkpoint, chosen.quant, time.Since(began))
	o := model.SessionOptions{Context: chosen.context, KV: f.kv.value, AllLogits: allLogits}
	if a.session, err = a.model.NewSession(o); err != nil {
		return nil, err
	}
	a.close = append(a.close, a.session.Close)
	a.session.Progress = a.progress.count("reading the prompt")
	a.session.Progress(0, len(a.prompt.Tokens)) // the images come first, and take a while
	a.loading = time.Since(start)
	return a, nil
}

// fit settles as what the checkpoint is loaded, and says so if it was left open.
func (f *askFlags) fit(cmd *cobra.Command, c *model.Checkpoint, d *gpu.Device, allLogits bool) (fit, error) {
	o := f.options()
	o.AllLogits = allLogits
	most := f.offer(d.Info)
	chosen, err := f.settle(c, o, most)
	if err == nil && f.quant.value == auto {
		fmt.Fprintf(cmd.ErrOrStderr(), "%v, of %v\n", chosen, most)
	}
	return chosen, err
}

// longLoad is when a load that quantised is worth a file of its own.
const longLoad = 30 * time.Second

// adviseQuantize says how to quantise once, if it took long.
func (f *askFlags) adviseQuantize(cmd *cobra.Command, c *model.Checkpoint, name string, took time.Duration) {
	format, err := quant.Lookup(name)
	if err != nil || format.Codec == nil || took < longLoad || f.arch.value != "" || !slices.ContainsFunc(layersAs(c, name), converted) {
		return
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "note: loading took %v, for the weights were made %s on the way; this does it once: pixtral-wgpu quantize -m %s --quant %s --out DIR\n",
		took.Round(time.Second), name, f.model, name)
}

// layersAs lists the matrices of the decoder's layers as a format makes them.
func layersAs(c *model.Checkpoint, name string) []model.Placement {
	list, err := c.Placements(name)
	if err != nil {
		return nil // Load says so
	}
	return slices.DeleteFunc(list, func(p model.Placement) bool { return use(p) != "layers" })
}

// converted reports whether a tensor lies on the device as another type than in
// the file.
func converted(p model.Placement) bool { return p.Device.Name != p.Format.Name }

// Close gives everything back, the last first.
func (a *asking) Close() {
	a.progress.clear()
	for i := len(a.close) - 1; i >= 0; i-- {
		a.close[i]()
	}
	a.close = nil
}

// request is what the flags ask of the session.
func (a *asking) request(f *askFlags) model.Request {
	return model.Request{Prompt: a.prompt, Sampler: f.sampler, MaxTokens: f.maxTokens, Stop: f.stop}
}
