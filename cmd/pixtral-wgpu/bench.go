package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pixtral-wgpu/bench"
	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/gpu/tune"
	"pixtral-wgpu/model"
)

type benchFlags struct {
	modelFlag
	deviceFlags
	fitFlags
	quants                 []string
	depths, prompts, sides []int
	samples                int
	longest                time.Duration
	trace                  string
	json, markdown         bool
}

// measurements are the arguments of bench, in the order they are made.
var measurements = []string{"ceilings", "kernels", "load", "decode", "prefill", "vision", "ttft"}

func newBench() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench [flags] [WHAT]...",
		Short: "Measure a model against what the adapter can do at best",
		Long: `Measure the adapter and a model on it. First come the adapter's own ceilings:
how fast it copies, reads and takes memory, and multiplies matrices; every other
row says how much of its ceiling it reaches. What is measured is any of
` + strings.Join(measurements, ", ") + `;
without arguments all but the kernels of each format.

A row is the median of at least 20 samples after warm-up, or fewer where that
would take longer than --time; its spread is half of what lies between the
tenths. With --arch no model is needed: its weights are random, and the adapter
makes them. With several types in --quant each is measured in turn.`,
		Example: `  pixtral-wgpu bench
  pixtral-wgpu bench decode --arch pixtral-12b --quant f16,q4_k --ctx 512,8192
  pixtral-wgpu bench kernels --markdown`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	fs := cmd.Flags()
	f.modelFlag.add(fs)
	f.modelFlag.addArch(fs)
	fs.StringSliceVar(&f.quants, "quant", []string{""}, "`types` of the weights, one or several: auto, "+formatNames()+" (default as in the file)")
	fs.IntSliceVar(&f.depths, "ctx", nil, "`tokens` before the one that is decoded (default 512, on a GPU also 8192)")
	fs.IntSliceVar(&f.prompts, "prompt", nil, "lengths of prompts, in `tokens` (default 512, on a GPU also 2048)")
	fs.IntSliceVar(&f.sides, "side", nil, "sizes of pictures, in `pixels` a side (default 256, on a GPU also 512 and 1024)")
	f.kv = oneOf(fs, "kv", "type of the keys and values in memory", "f16", "q8_0", "f32")
	fs.IntVar(&f.samples, "samples", 20, "least `number` of samples of a row")
	fs.DurationVar(&f.longest, "time", 20*time.Second, "a row ends after so long, with at least five samples")
	f.deviceFlags.add(fs)
	f.tuneFlags.add(fs)
	fs.StringVar(&f.trace, "trace", "", "write the kernels of a prompt and a few tokens to this `file`, as a Chrome trace, and measure no more than that unless asked")
	fs.BoolVar(&f.json, "json", false, "print a JSON object")
	fs.BoolVar(&f.markdown, "markdown", false, "print a table in Markdown")
	return cmd
}

// check completes the flags and returns what is to be measured.
func (f *benchFlags) check(args []string) ([]string, error) {
	for _, arg := range args {
		if !slices.Contains(measurements, arg) {
			return nil, misuse("there is nothing called %q to measure; there are %s", arg, strings.Join(measurements, ", "))
		}
	}
	for _, n := range slices.Concat(f.depths, f.prompts, f.sides) {
		if n < 1 || n > model.MaxContext/2 {
			return nil, misuse("%d is no size to measure; it may be 1 to %d", n, model.MaxContext/2)
		}
	}
	for _, name := range f.quants {
		if _, err := quant.Lookup(name); err != nil && name != "" && name != auto {
			return nil, misuse("--quant %s: it may be auto, %s", name, formatNames())
		}
	}
	switch {
	case f.longest <= 0:
		return nil, misuse("--time %v: it is a length of time", f.longest)
	case len(f.quants) != 1 && f.trace != "":
		return nil, misuse("--trace takes one type in --quant")
	case f.samples < 1:
		return nil, misuse("--samples %d: at least one is needed", f.samples)
	case f.json && f.markdown:
		return nil, misuse("--json and --markdown exclude each other")
	case len(args) == 0 && f.trace == "":
		args = []string{"ceilings", "load", "decode", "prefill", "vision", "ttft"}
	}
	return args, nil
}

func (f *benchFlags) run(cmd *cobra.Command, args []string) error {
	wanted, err := f.check(args)
	if err != nil {
		return err
	}
	var trace *os.File
	if f.trace != "" { // a path that cannot be written is known before the work
		if trace, err = os.Create(f.trace); err != nil {
			return err
		}
		defer trace.Close()
	}
	d, err := f.openFast(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	defer d.Close()
	f.sizes(d.Info)
	b := &bencher{benchFlags: f, cmd: cmd, device: d, report: bench.New(d), out: cmd.OutOrStdout()}
	b.report.Samples, b.report.Longest, b.report.KV = f.samples, f.longest, f.kv.value
	b.report.OnRow = b.row
	defer b.close()
	if err := b.measure(cmd.Context(), wanted); err != nil {
		return err
	}
	if trace != nil {
		if err := b.record(cmd.Context(), trace); err != nil {
			return err
		}
	}
	switch {
	case f.json:
		return encode(cmd, b.report)
	case f.markdown:
		return writeMarkdown(b.out, b.report)
	}
	return nil
}

// sizes puts in what was not asked for.
func (f *benchFlags) sizes(i gpu.Info) {
	most := 3
	if i.Software() {
		most = 1
	}
	fill := func(list *[]int, sizes ...int) {
		if len(*list) == 0 {
			*list = sizes[:min(most, len(sizes))]
		}
	}
	fill(&f.depths, 512, 8192)
	fill(&f.prompts, 512, 2048)
	fill(&f.sides, 256, 512, 1024)
}

// A bencher is a run of bench.
type bencher struct {
	*benchFlags
	cmd    *cobra.Command
	device *gpu.Device
	report *bench.Report
	model  *model.Pixtral
	out    io.Writer
	group  string // of the last row that was printed
}

func (b *bencher) close() {
	if b.model != nil {
		b.model.Close()
		b.model = nil
	}
}

// measure makes the measurements that are wanted: of the adapter, then of the
// model in each type.
func (b *bencher) measure(ctx context.Context, wanted []string) error {
	if len(wanted) > 0 {
		if err := b.report.Ceilings(ctx, b.device); err != nil {
			return err
		}
	}
	if slices.Contains(wanted, "kernels") {
		if err := b.tuneFor(ctx, b.cmd.ErrOrStderr(), b.device, tune.Uses(quant.Formats, gpu.F16.String(), true)); err != nil {
			return err
		}
		if err := b.report.Kernels(ctx, b.device); err != nil {
			return err
		}
	}
	for _, name := range b.quants {
		if err := b.measureModel(ctx, name, wanted); err != nil {
			return err
		}
	}
	return nil
}

// measureModel makes the measurements of a model in a type.
func (b *bencher) measureModel(ctx context.Context, name string, wanted []string) error {
	b.close()
	b.quant = &choice{value: name}
	for _, what := range measurements {
		if !slices.Contains(wanted, what) || what == "ceilings" || what == "kernels" {
			continue
		}
		if err := b.load(ctx, what == "load"); err != nil {
			return err
		}
		if err := b.pass(ctx, what); err != nil {
			return err
		}
	}
	return nil
}

// load loads the model, unless that is done, and measures it if it is asked to.
func (b *bencher) load(ctx context.Context, measured bool) error {
	if b.model != nil {
		return nil
	}
	c, err := b.modelFlag.open(b.cmd)
	if err != nil {
		return err
	}
	defer c.Close()
	b.gpuLayers = -1
	b.context = slices.Max(slices.Concat(b.depths, b.prompts)) + 256
	if v := c.Config.VisionEncoder; v != nil {
		rows := min(slices.Max(b.sides), v.ImageSize) / v.PatchSize
		b.context = max(b.context, rows*(rows+1)+256)
	}
	chosen, err := b.settle(c, b.options(), b.offer(b.device.Info))
	if err != nil {
		return err
	}
	c = b.as(c, chosen.quant)
	b.report.Model = strings.TrimSpace(c.Name + " " + cmp.Or(chosen.quant, "as it is"))
	if err := b.tune(ctx, b.cmd.ErrOrStderr(), b.device, c, chosen.quant, b.kv.value); err != nil {
		return err
	}
	bar := newProgress(b.cmd.ErrOrStderr())
	defer bar.clear()
	o := model.LoadOptions{Quant: chosen.quant, Noise: b.arch.value != "", Progress: bar.bytes("loading " + c.Name)}
	if measured {
		o.Progress = nil // a bar would be measured too
		b.model, err = b.report.Load(ctx, b.device, c, o)
	} else {
		b.model, err = model.Load(ctx, b.device, c, o)
	}
	return err
}

// pass measures one of the passes, of images where the model sees any.
func (b *bencher) pass(ctx context.Context, what string) error {
	switch what {
	case "decode":
		return b.report.Decode(ctx, b.model, b.depths)
	case "prefill":
		return b.report.Prefill(ctx, b.model, b.prompts)
	}
	v := b.model.Config.VisionEncoder
	if what == "load" || v == nil {
		return nil
	}
	var sides []int
	for _, side := range b.sides {
		if side <= v.ImageSize && side%v.PatchSize == 0 {
			sides = append(sides, side)
		}
	}
	if len(sides) == 0 {
		return fmt.Errorf("%s takes pictures of up to %d pixels a side, in multiples of %d; none of --side is", b.model.Name, v.ImageSize, v.PatchSize)
	}
	if what == "vision" {
		return b.report.Vision(ctx, b.model, sides)
	}
	return b.report.TTFT(ctx, b.model, slices.Max(sides))
}

// record writes the trace.
func (b *bencher) record(ctx context.Context, trace *os.File) error {
	if err := b.load(ctx, false); err != nil {
		return err
	}
	side := 0
	if v := b.model.Config.VisionEncoder; v != nil {
		side = min(slices.Min(b.sides), v.ImageSize) / v.PatchSize * v.PatchSize
	}
	shares, err := b.report.Trace(ctx, b.model, side, trace)
	if err != nil {
		return err
	}
	w := b.cmd.ErrOrStderr()
	const most = 8
	for _, s := range shares[:min(most, len(shares))] {
		fmt.Fprintf(w, "%3.0f %%  %9s  %6d runs of %s\n", 100*s.Part, duration(s.Time), s.Runs, s.Kernel)
	}
	fmt.Fprintf(w, "the trace is in %s; open it in https://ui.perfetto.dev or chrome://tracing\n", b.trace)
	return trace.Close()
}
