package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/gpu/tune"
	"pixtral-wgpu/model"
)

// worthTuning is the size of weights from which on a few seconds of trying kernels
// are soon won back.
const worthTuning = 256 << 20

// tuneFlags say whether the fastest kernels are looked for.
type tuneFlags struct{ off, again bool }

func (f *tuneFlags) add(fs *pflag.FlagSet) {
	fs.BoolVar(&f.off, "no-autotune", false, "take the kernels that are right everywhere, and do not look for faster ones")
	fs.BoolVar(&f.again, "retune", false, "look for the fastest kernels again, though the cache knows them or the model is small")
}

// tune makes d prefer the kernels that are fastest for a model's weights, and for
// keys and values of a type.
func (f *tuneFlags) tune(ctx context.Context, stderr io.Writer, d *gpu.Device, c *model.Checkpoint, quantName, kv string) error {
	placements, err := c.Placements(quantName)
	if err != nil {
		return err
	}
	var bytes uint64
	var formats []quant.Format
	seen := map[string]bool{}
	for _, p := range placements {
		bytes += p.DeviceBytes
		if len(p.Shape) > 1 && !seen[p.Device.Name] {
			seen[p.Device.Name] = true
			formats = append(formats, p.Device)
		}
	}
	if bytes < worthTuning && !f.again {
		return nil
	}
	return f.tuneFor(ctx, stderr, d, tune.Uses(formats, kv, c.Config.VisionEncoder != nil))
}

func (f *tuneFlags) tuneFor(ctx context.Context, stderr io.Writer, d *gpu.Device, uses []gpu.Use) error {
	if f.off {
		return nil
	}
	told := false
	return tune.Device(ctx, d, uses, tune.Options{
		Again: f.again,
		Trying: func(gpu.Use) {
			if !told {
				fmt.Fprintf(stderr, "looking for the fastest kernels on %s, once; --no-autotune leaves it out\n", d.Info.Name)
			}
			told = true
		},
		Warn: func(text string) { fmt.Fprintln(stderr, "note: "+text) },
	})
}
