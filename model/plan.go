package model

import (
	"fmt"

	"pixtral-wgpu/gpu"
)

// A Plan is the memory that a model and a session of it take, known before
// anything is loaded.
type Plan struct {
	Context int    // tokens
	KV      string // type of keys and values

	Weights uint64 // bytes, as those below
	Cache   uint64 // keys and values of the whole context
	Text    uint64 // activations of the decoder
	Image   uint64 // workspace while the largest image is encoded, and its rows
	Fixed   uint64 // the device's own buffers

	Streamed  int    // layers in host memory
	HostBytes uint64 // their weights, which Weights has only one layer of
}

// Total returns the bytes of all parts.
func (p Plan) Total() uint64 { return p.Weights + p.Cache + p.Text + p.Image + p.Fixed }

// Plan reckons what Load with a quantisation and NewSession will take, by the
// code that takes it.
func (c *Checkpoint) Plan(quant string, o SessionOptions) (Plan, error) {
	return c.PlanStreamed(quant, 0, o)
}

// PlanStreamed is Plan with so many layers in host memory.
func (c *Checkpoint) PlanStreamed(quant string, streamed int, o SessionOptions) (Plan, error) {
	pool, kv, err := o.pool()
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Context: pool.Context, KV: kv.String(), Fixed: gpu.FixedBytes, Streamed: streamed}
	placements, err := c.Placements(quant)
	if err != nil {
		return Plan{}, err
	}
	tensors := map[string]Placement{}
	for _, t := range placements {
		tensors[t.Name] = t
		if layerOf(t.Name) < c.Config.Layers-streamed {
			p.Weights += t.DeviceBytes
		} else {
			p.HostBytes += t.DeviceBytes
		}
	}
	slots := map[string]bool{}
	for layer := c.Config.Layers - streamed; layer < c.Config.Layers; layer++ {
		for _, j := range joins(fmt.Sprint("layers.", layer, "."), tensors) {
			if !slots[j.slot()] {
				slots[j.slot()] = true
				p.Weights += j.place.DeviceBytes
			}
		}
	}
	cached, text := &arena{}, &arena{}
	if _, err := newCaches(cached, c.Config, pool, kv); err != nil {
		return Plan{}, err
	}
	if _, err := newDecoder(text, c.Config, pool, kv); err != nil {
		return Plan{}, err
	}
	p.Cache, p.Text = cached.bytes, text.bytes-cached.bytes
	if v := c.Config.VisionEncoder; v != nil {
		side := v.ImageSize / v.PatchSize
		image := &arena{}
		newVisionPass(image, v, side*side)
		newAdapterPass(image, c.Config, side*side)
		image.new("pixels", v.Channels, v.ImageSize, v.ImageSize)
		image.new("rows", side*side, c.Config.Dim)
		p.Image = image.bytes
	}
	return p, nil
}

// FitContext returns the largest context, at most MaxContext and in whole
// hundreds, that a plan within so many bytes has with so many layers in host
// memory; 0 if not even 256 tokens fit.
func (c *Checkpoint) FitContext(quant string, streamed int, o SessionOptions, bytes uint64) (int, error) {
	low, high := 0, MaxContext
	for low < high {
		tokens := (low + high + 1) / 2
		o.Context = max(tokens, 2)
		p, err := c.PlanStreamed(quant, streamed, o)
		if err != nil {
			return 0, err
		}
		if p.Total() <= bytes {
			low = tokens
		} else {
			high = tokens - 1
		}
	}
	if low < 256 {
		return 0, nil
	}
	if low < MaxContext {
		low = low / 100 * 100
	}
	return low, nil
}

// autoQuants is what Auto tries, best first.
var autoQuants = []string{"", "q8_0", "q6_k", "q5_k", "q4_k"}

// Auto picks the least lossy quantisation that fits so many bytes with a context
// of DefaultContext, or of what o asks for.
func (c *Checkpoint) Auto(o SessionOptions, bytes uint64) (quant string, plan Plan, err error) {
	for _, quant = range autoQuants {
		if plan, err = c.Plan(quant, o); err != nil || plan.Total() <= bytes {
			return quant, plan, err
		}
	}
	return quant, plan, fmt.Errorf("model: %s needs %s even as %s with a context of %d, and %s are there; use a smaller --ctx, or --gpu-layers",
		c.Name, gpu.Size(plan.Total()), quant, plan.Context, gpu.Size(bytes))
}
