package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
)

// A watch is a tap that looks at one row of a pass through a tower.
type watch struct {
	dev                    *gpu.Device
	look                   Look
	layers, heads, headDim int
	row                    int    // of the pass
	scope                  string // of the tower: "", or "vision.0."
	input                  string // what goes into the first layer
	mask                   ops.Mask
	keys                   func(layer int, rotated gpu.Tensor) gpu.Tensor // those that the layer's queries meet
	visit                  *Visit

	q, k  gpu.Tensor // of the layer, as they were rotated
	query gpu.Tensor // [1, heads*headDim]
	rows  gpu.Tensor // [1, visit.Heads, visit.Keys]
	state gpu.Tensor // [1, dim]
}

// complete checks what is wanted and makes the watch's own tensors.
func (w *watch) complete(width, dim int) (err error) {
	v := w.visit
	if v.Heads = w.heads; w.look.Heads != ops.EachHead {
		v.Heads = 1
	}
	if v.Layers = w.look.Layers; v.Layers == nil && !w.look.NoAttention {
		for i := range w.layers {
			v.Layers = append(v.Layers, i)
		}
	}
	for i, layer := range v.Layers {
		if layer < 0 || layer >= w.layers || slices.Contains(v.Layers[:i], layer) {
			return fmt.Errorf("model: layer %d is not one of %d, or wanted twice", layer, w.layers)
		}
	}
	slices.Sort(v.Layers) // the order they come in
	for _, t := range []struct {
		into  *gpu.Tensor
		shape []int
	}{{&w.query, []int{1, width}}, {&w.rows, []int{1, v.Heads, v.Keys}}, {&w.state, []int{1, dim}}} {
		if *t.into, err = w.dev.New("watched", gpu.F32, t.shape...); err != nil {
			w.free()
			return fmt.Errorf("model: to look inside: %w", err)
		}
	}
	return nil
}

func (w *watch) free() { w.dev.Free(w.query, w.rows, w.state) }

// tap looks at the values it is for.
func (w *watch) tap(r *gpu.Recorder, name string, t gpu.Tensor) {
	name, ok := strings.CutPrefix(name, w.scope)
	if !ok {
		return
	}
	if name == w.input {
		w.residual(r, t)
		return
	}
	layer, value, ok := layerValue(name)
	if !ok {
		return
	}
	switch value {
	case "attention.q_rotated":
		w.q = t
	case "attention.k_rotated":
		w.k = t
	case "attention.attended":
		w.attention(r, layer)
	case "":
		w.residual(r, t)
	}
}

// layerValue parts "layers.7.attention.q" into 7 and "attention.q".
func layerValue(name string) (layer int, value string, ok bool) {
	rest, ok := strings.CutPrefix(name, "layers.")
	number, value, _ := strings.Cut(rest, ".")
	layer, err := strconv.Atoi(number)
	return layer, value, ok && err == nil
}

func (w *watch) attention(r *gpu.Recorder, layer int) {
	if w.look.NoAttention || !slices.Contains(w.visit.Layers, layer) {
		return
	}
	q := w.q
	if q.Shape[0] > 1 {
		r.CopyRows(w.query, 0, q, w.row, 1)
		q = w.query
	}
	ops.AttentionRows(r, w.rows, q, w.keys(layer, w.k), w.visit.Keys, w.headDim, w.mask, w.look.Heads)
	r.Copy(w.rows, func(data []float32) error {
		w.visit.Attention = append(w.visit.Attention, data...)
		return nil
	})
}

func (w *watch) residual(r *gpu.Recorder, x gpu.Tensor) {
	if w.look.NoResidual {
		return
	}
	r.CopyRows(w.state, 0, x, w.row, 1)
	r.Copy(w.state, func(data []float32) error {
		w.visit.Residual = append(w.visit.Residual, data...)
		return nil
	})
}
