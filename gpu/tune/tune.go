// Package tune finds out which of the kernels that compute the same is fastest on
// a device, once for an adapter, a driver and our kernels' text, and keeps what it
// found in the user's cache directory. A kernel that does not agree with the slow,
// plain one on the very device never wins.
package tune

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/shaders"
)

// Options says how to tune; the zero value is right.
type Options struct {
	Again  bool          // though the cache has the answers
	Dir    string        // of the cache; "" means pixtral-wgpu in the user's
	Budget time.Duration // for a use: no way is tried after it; 0 means 2 s
	Timer  Timer         // nil measures

	Trying func(u gpu.Use)   // told of each use that is not in the cache; may be nil
	Warn   func(text string) // told what went wrong and does not matter; may be nil
}

// A Timer returns how long what record records takes on the device.
type Timer func(ctx context.Context, d *gpu.Device, record func(r *gpu.Recorder)) (time.Duration, error)

// gain is by how much a way must be faster than what is right everywhere: less
// may be chance.
const gain = 0.95

// duels is how often the winner and what is right everywhere are timed once more.
const duels = 2

// Uses lists what a model with weights of those formats is tuned for, which keeps
// keys and values as a type, and where it sees images those of an image in f32.
func Uses(formats []quant.Format, cache string, images bool) []gpu.Use {
	list := []gpu.Use{{Op: ops.Norm}, {Op: ops.Attend, Format: cache}, {Op: ops.AttendMany, Format: cache}}
	if images && cache != gpu.F32.String() {
		list = append(list, gpu.Use{Op: ops.AttendMany, Format: gpu.F32.String()})
	}
	for _, f := range formats {
		list = append(list, gpu.Use{Op: ops.Each, Format: f.Name}, gpu.Use{Op: ops.NormEach, Format: f.Name}, gpu.Use{Op: ops.Many, Format: f.Name})
	}
	return list
}

// Device makes d prefer the fastest way of each use, as the cache has it or as it
// is found out now.
func Device(ctx context.Context, d *gpu.Device, uses []gpu.Use, o Options) error {
	key, err := keyOf(d)
	if err != nil {
		return fmt.Errorf("tune: %w", err)
	}
	c := open(o.Dir, key)
	if o.Again {
		c.Found = nil
	}
	changed := false
	for _, u := range uses {
		way, ok := c.look(d, u)
		if !ok {
			if o.Trying != nil {
				o.Trying(u)
			}
			f, err := find(ctx, d, u, o)
			if err != nil {
				return fmt.Errorf("tune: %s %s: %w", u.Op, u.Format, err)
			}
			c.Found = append(c.Found, f)
			way, changed = f.Way, true
		}
		d.Prefer(u, way)
	}
	if changed {
		if err := c.save(); err != nil && o.Warn != nil {
			o.Warn("what was found out about the adapter's kernels could not be kept: " + err.Error())
		}
	}
	return nil
}

// find tries the ways of a use.
func find(ctx context.Context, d *gpu.Device, u gpu.Use, o Options) (found, error) {
	t, err := newTrial(ctx, d, u)
	defer t.free()
	if err != nil {
		return found{}, err
	}
	timer, budget, start := o.Timer, o.Budget, time.Now()
	if timer == nil {
		timer = measure
	}
	if budget == 0 {
		budget = 2 * time.Second
	}
	f := found{Use: u}
	for i, way := range ops.Ways(d, u) {
		if i > 0 && time.Since(start) > budget {
			break
		}
		took, err := t.try(ctx, timer, way)
		var lost *gpu.DeviceLostError
		switch {
		case ctx.Err() != nil || errors.As(err, &lost):
			return f, err
		case err != nil:
			continue // it does not compile here, or not compute
		case way.Kernel == "":
			f.Plain, f.Best = took, took
		case f.Best == 0 || took < f.Best && float64(took) < gain*float64(f.Plain):
			f.Best, f.Way = took, way
		}
	}
	if f.Way.Kernel == "" || f.Plain == 0 {
		return f, nil
	}
	return f, f.again(ctx, t, timer)
}

// again times what won and what is right everywhere in turns: what else the machine
// did while one of them was timed must not decide for long.
func (f *found) again(ctx context.Context, t *trial, timer Timer) error {
	for range duels {
		for _, side := range []struct {
			way  gpu.Way
			best *time.Duration
		}{{gpu.Way{}, &f.Plain}, {f.Way, &f.Best}} {
			took, err := timer(ctx, t.d, t.runs(side.way))
			if err != nil {
				return err
			}
			*side.best = min(*side.best, took)
		}
	}
	if float64(f.Best) >= gain*float64(f.Plain) {
		f.Best, f.Way = f.Plain, gpu.Way{}
	}
	return nil
}

// keyOf says what a finding holds for.
func keyOf(d *gpu.Device) (string, error) {
	hash, err := shaders.Hash(shaders.Embedded())
	features := ""
	for _, name := range append(slices.Clone(d.Info.Features), gpu.MatrixFeature(8), gpu.MatrixFeature(16)) {
		if d.Has(name) {
			features += " " + name
		}
	}
	return fmt.Sprintf("%s|%s|%s|%s|wgpu-native %s|%+v|%s|kernels %s",
		d.Info.Name, d.Info.Vendor, d.Info.Backend, d.Info.Driver, gpu.NativeVersion(), d.Limits, features, hash), err
}
