package model

import (
	"strings"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
)

// A RowStat is the size of a row of a value.
type RowStat struct {
	Norm    float32 // Euclidean
	Max     float32 // the largest magnitude: half floats end at 65504
	Channel int     // where that is
	Odd     int     // elements that are no finite numbers
}

// Stats gathers the sizes of the residual stream as passes go by, a row a
// position: after the embeddings and each layer of the decoder, and of each
// image after the first norm, each layer of the encoder and the adapter. The
// keys are the values' names.
type Stats struct {
	ByName map[string][]RowStat
}

// Tap returns a tap that gathers; free gives back what it took on the device.
func (s *Stats) Tap(dev *gpu.Device) (tap gpu.Tap, free func()) {
	var scratch gpu.Tensor
	tap = func(r *gpu.Recorder, name string, t gpu.Tensor) {
		if !stream(name) {
			return
		}
		rows := t.Shape[0]
		if !scratch.Exists() || scratch.Shape[0] < rows {
			dev.Free(scratch)
			var err error
			if scratch, err = dev.New("sizes of rows", gpu.F32, rows, 4); err != nil {
				r.Fail(err)
				return
			}
		}
		ops.RowStats(r, scratch.Rows(rows), t)
		r.Copy(scratch.Rows(rows), func(data []float32) error {
			s.add(name, data)
			return nil
		})
	}
	return tap, func() { dev.Free(scratch) }
}

// stream reports whether a name is of the residual stream, or of what goes into it.
func stream(name string) bool {
	if image, rest, ok := strings.Cut(strings.TrimPrefix(name, "vision."), "."); ok && strings.HasPrefix(name, "vision.") && image != "" {
		name = rest
	}
	_, value, ok := layerValue(name)
	adapter, isAdapter := strings.CutPrefix(name, "adapter.")
	return ok && value == "" || name == "embeddings" || name == "ln_pre" || isAdapter && !strings.Contains(adapter, ".")
}

func (s *Stats) add(name string, data []float32) {
	if s.ByName == nil {
		s.ByName = map[string][]RowStat{}
	}
	for i := 0; i+3 < len(data); i += 4 {
		s.ByName[name] = append(s.ByName[name], RowStat{data[i], data[i+1], int(data[i+2]), int(data[i+3])})
	}
}
