package reference

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/model/safetensors"
	"pixtral-wgpu/tokenizer"
)

// Divergence is how far a value on the device may be from the reference's, as
// a part of its norm. Sums of float32 stay below 1e-5 in models this small.
const Divergence = 1e-4

// Check runs Golden13 on a device and here, and returns an error that names the
// first value of the pass that diverges; report, if not nil, is told of each
// value compared and how far off it is.
func Check(ctx context.Context, d *gpu.Device, report func(name string, off float64)) error {
	cfg, tensor, images := Golden13()
	c, err := Checkpoint("golden13", cfg, tensor)
	if err != nil {
		return err
	}
	p, err := model.Load(ctx, d, c, model.LoadOptions{})
	if err != nil {
		return err
	}
	defer p.Close()
	prompt := model.Prompt{Tokens: toTokens(Golden13Prompt())}
	for _, img := range images {
		patches, err := pixels.FromPixels(img.Pixels, img.Height, img.Width, cfg.VisionEncoder.PatchSize)
		if err != nil {
			return err
		}
		prompt.Images = append(prompt.Images, patches)
	}
	got, err := Watch(ctx, p, prompt)
	if err != nil {
		return err
	}
	here, err := New(cfg, tensor)
	if err != nil {
		return err
	}
	var first error
	_, err = here.Forward(Golden13Prompt(), images, func(name string, shape []int, want []float32) {
		if name == fmt.Sprintf("images.%d.pixels", 0) || name == fmt.Sprintf("images.%d.pixels", 1) {
			return // the same by construction
		}
		if first != nil {
			return
		}
		v, ok := got.ByName[name]
		if !ok || !slices.Equal(v.Shape, shape) {
			first = fmt.Errorf("the device makes no %s of shape %v", name, shape)
			return
		}
		off := Distance(v.Data, want)
		if report != nil {
			report(name, off)
		}
		if !(off <= Divergence) {
			first = fmt.Errorf("%s diverges from the Go reference by %.1e of its norm, allowed %.0e", name, off, Divergence)
		}
	})
	if err != nil {
		return err
	}
	return first
}

// Watch runs a prompt on the device, with keys and values in f32 and the logits
// of every position, and returns every value of the pass.
func Watch(ctx context.Context, p *model.Pixtral, prompt model.Prompt) (*model.Values, error) {
	s, err := p.NewSession(model.SessionOptions{Context: len(prompt.Tokens) + 1, KV: "f32", AllLogits: true})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	values := &model.Values{}
	s.Tap = values.Tap(nil)
	return values, s.Sync(ctx, prompt)
}

// Checkpoint returns weights that are made, not read, as a checkpoint in f32.
func Checkpoint(name string, cfg *model.Config, tensor func(name string) ([]float32, error)) (*model.Checkpoint, error) {
	var tensors []safetensors.Tensor
	for _, spec := range cfg.Tensors() {
		data, err := tensor(spec.Name)
		if err != nil {
			return nil, err
		}
		tensors = append(tensors, safetensors.FromFloat32s(spec.Name, spec.Shape, data))
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, tensors, nil); err != nil {
		return nil, err
	}
	f, err := safetensors.Parse(b.Bytes(), name)
	if err != nil {
		return nil, err
	}
	source, err := model.MistralSource(name, f)
	return &model.Checkpoint{Name: name, Config: cfg, Source: source}, err
}

// Distance returns ‖a−b‖/‖b‖, infinite if a has another length or is not all numbers.
func Distance(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	var difference, norm float64
	for i, v := range b {
		d := float64(a[i]) - float64(v)
		difference += d * d
		norm += float64(v) * float64(v)
	}
	if math.IsNaN(difference) {
		return math.Inf(1)
	}
	return math.Sqrt(difference / max(norm, math.SmallestNonzeroFloat64))
}

func toTokens(ids []int32) []tokenizer.Token {
	list := make([]tokenizer.Token, len(ids))
	for i, id := range ids {
		list[i] = tokenizer.Token(id)
	}
	return list
}
