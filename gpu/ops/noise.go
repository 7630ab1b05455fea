package ops

import (
	"context"
	"math"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/shaders"
)

type noiseParams struct{ N, Seed, Every, Mask, Base uint32 }

// Noise records y = random bits, the same for a seed; in every so many words from
// the first on, the bits outside mask are those of base.
func Noise(r *gpu.Recorder, y gpu.Tensor, seed uint32, every int, mask, base uint32) {
	n := y.Len()
	if y.Type != gpu.U32 || every < 1 {
		r.Misfit("noise", "%v, every %d words", y, every)
		return
	}
	each(r, "noise", n, gpu.Dispatch{
		Params: noiseParams{uint32(n), seed, uint32(every), mask, base},
		Write:  y,
	})
}

// NoiseMatrix makes a matrix of random weights of variance about 1/cols, on the
// device by the device: the host writes nothing.
func NoiseMatrix(ctx context.Context, d *gpu.Device, name string, f quant.Format, rows, cols int, seed uint32) (*gpu.Matrix, error) {
	m, err := d.NewMatrix(name, f.Name, rows, cols, f.RowBytes(cols))
	if err != nil {
		return nil, err
	}
	r := d.Record()
	r.Context = ctx
	patterns := f.Noise(1 / math.Sqrt(float64(cols)))
	for i, s := range m.Shards {
		for j, part := range s.Parts {
			noisePart(r, part, seed<<16|uint32(i)<<4|uint32(j), patterns[j])
		}
	}
	if err := r.Submit(); err != nil {
		d.FreeMatrix(m)
		return nil, err
	}
	return m, nil
}

type streamParams struct{ Quads, Rows, N uint32 }

// noisePart records random bits of a pattern for a part of a matrix, by way of a buffer
// if the part is a texture.
func noisePart(r *gpu.Recorder, part gpu.Tensor, seed uint32, p quant.Pattern) {
	if !part.Texels() {
		Noise(r, part, seed, p.Every, p.Mask, p.Base)
		return
	}
	y, err := r.Device().New("noise", gpu.U32, part.Shape...)
	if err != nil {
		r.Fail(err)
		return
	}
	Noise(r, y, seed, p.Every, p.Mask, p.Base)
	r.CopyRows(part, 0, y, 0, part.Shape[0])
	r.Device().Free(y)
}

// A StreamShape is how matrix × vector reads a matrix.
type StreamShape struct {
	Sharing  int // invocations to a row: 1, or all 64 of a workgroup
	Together int // rows at a time
	Quads    int // neighbouring ones that an invocation reads of a row at a time
}

// Len returns how many words Stream writes for so many rows.
func (s StreamShape) Len(rows int) int { return ceil(rows, s.Together) * s.Sharing }

// Stream records that x is read as matrix × vector reads a matrix. x: [rows, words]
// u32, of whole rounds of quads; y: [Len] u32, the exclusive or of what each
// invocation read.
func Stream(r *gpu.Recorder, y, x gpu.Tensor, s StreamShape) {
	rows, words := x.Shape[0], cols(x)
	n := s.Len(rows)
	wg := lanes
	if s.Sharing == 1 {
		wg = 8 // as linear_lane has it
	}
	if words%(4*s.Quads) != 0 || x.Type != gpu.U32 || y.Type != gpu.U32 || y.Len() != n || s.Sharing != 1 && s.Sharing != wg {
		r.Misfit("stream", "%v from %v by %+v", y, x, s)
		return
	}
	r.Dispatch(gpu.Dispatch{
		Kernel: shaders.Variant{Kernel: "stream", Set: shaders.Set{override("WG", wg), override("LANES", s.Sharing), override("ROWS", s.Together), override("QUADS", s.Quads)}},
		Params: streamParams{uint32(words / 4), uint32(rows), uint32(n)},
		Read:   []gpu.Tensor{x},
		Write:  y,
		Groups: fold(ceil(n, wg)),
		Work:   float64(x.Len()),
	})
}
