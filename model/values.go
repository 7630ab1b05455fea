package model

import (
	"fmt"
	"slices"

	"pixtral-wgpu/gpu"
)

// Values gathers what a tap sees, by name. A value that comes in parts, one a
// chunk of the prompt, is joined by rows.
type Values struct {
	Names  []string // in the order of the pass
	ByName map[string]Value
}

// A Value is a tensor on the host.
type Value struct {
	Shape []int
	Data  []float32
}

// Tap returns a tap that keeps the values whose names match; nil keeps all.
func (v *Values) Tap(match func(name string) bool) gpu.Tap {
	return func(r *gpu.Recorder, name string, t gpu.Tensor) {
		if match != nil && !match(name) || t.Type == gpu.U32 {
			return
		}
		shape := slices.Clone(t.Shape)
		r.Copy(t, func(data []float32) error { return v.Add(name, shape, data) })
	}
}

// Add appends rows to a value.
func (v *Values) Add(name string, shape []int, data []float32) error {
	if v.ByName == nil {
		v.ByName = map[string]Value{}
	}
	old, ok := v.ByName[name]
	if !ok {
		v.Names = append(v.Names, name)
		v.ByName[name] = Value{shape, data}
		return nil
	}
	if !slices.Equal(old.Shape[1:], shape[1:]) {
		return fmt.Errorf("model: %s is %v, then %v", name, old.Shape, shape)
	}
	joined := slices.Clone(old.Shape)
	joined[0] += shape[0]
	v.ByName[name] = Value{joined, append(old.Data, data...)}
	return nil
}
