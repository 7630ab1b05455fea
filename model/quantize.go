package model

import (
	"fmt"
	"strings"

	"pixtral-wgpu/gpu/quant"
)

// A Placement is how a tensor of a checkpoint comes to lie on the device.
type Placement struct {
	Tensor
	Device quant.Format // of a matrix; f32 for a norm or a bias
	Note   string       // why Device is not what was asked for; "" if it is

	DeviceBytes uint64 // of all rows, in words of four bytes
}

// Placements lists every tensor, in the order it is loaded, with the format that
// a quantisation gives it. This is the rule:
//
//   - "" keeps the type of the file. Norms and biases are f32 always.
//   - A float type (f32, f16, bf16) converts the matrices of floats to it.
//   - A block type takes the matrices of the decoder's layers. The embeddings
//     and the head, on which every token hangs, get at least q6_k; the image
//     encoder and the adapter, a thirtieth of the weights, q8_0, or stay as they
//     are if the rest is q8_0. The patches' matrix always stays.
//   - What the file has in no more bits than asked for stays as it is.
//   - Rows that a K type's blocks do not divide take the type that llama.cpp
//     puts in its place (llama-quant.cpp, tensor_type_fallback), and rows that do
//     not divide even by that one's are left in half floats.
func (c *Checkpoint) Placements(name string) ([]Placement, error) {
	var asked quant.Format
	if name != "" {
		var err error
		if asked, err = quant.Lookup(name); err != nil {
			return nil, fmt.Errorf("model: %w", err)
		}
	}
	var list []Placement
	for _, spec := range c.Config.Tensors() {
		t, ok := c.Source.Tensor(spec.Name)
		if !ok {
			return nil, fmt.Errorf("model: %s: %s is missing", c.Name, spec.Name)
		}
		p := Placement{Tensor: t, Device: quant.F32}
		if len(t.Shape) > 1 {
			p.Device, p.Note = chooseFormat(t, asked)
		}
		p.DeviceBytes = deviceBytes(p.Device, t)
		list = append(list, p)
	}
	return list, nil
}

// chooseFormat returns the format of a matrix; asked is the zero Format if there is no
// wish.
func chooseFormat(t Tensor, asked quant.Format) (f quant.Format, note string) {
	want := t.Format
	if asked.Name != "" {
		want = wanted(t, asked)
	}
	f = want
	for t.Cols()%f.Block != 0 {
		f = narrower(f, t.Format)
	}
	if f.Name != want.Name {
		note = fmt.Sprintf("%s is %s: its rows of %d weights are no whole blocks of %s", t.Name, f.Name, t.Cols(), want.Name)
	}
	return f, note
}

// wanted is chooseFormat before blocks are counted.
func wanted(t Tensor, asked quant.Format) quant.Format {
	if asked.Codec == nil {
		if t.Format.Codec == nil {
			return asked
		}
		return t.Format
	}
	want := asked
	switch role := strings.SplitN(t.Name, ".", 3); role[0] {
	case "tok_embeddings", "output":
		if bits(want) < bits(quant.Q6_K) {
			want = quant.Q6_K
		}
	case "vision_encoder", "vision_language_adapter":
		if role[1] == "patch_conv" || bits(asked) >= bits(quant.Q8_0) {
			return t.Format
		}
		want = quant.Q8_0
	}
	if bits(t.Format) <= bits(want) {
		return t.Format
	}
	return want
}

// narrower returns the next format to try in place of one whose blocks are too
// wide. The floats' blocks, of eight weights, divide every row.
func narrower(f, stored quant.Format) quant.Format {
	switch f.Name {
	case quant.Q4_K.Name:
		return quant.Q5_0
	case quant.Q5_K.Name:
		return quant.Q5_1
	case quant.Q6_K.Name:
		return quant.Q8_0
	}
	if stored.Name == quant.BF16.Name {
		return stored // as many bytes, and nothing is lost
	}
	return quant.F16
}

// bits returns the bits of a weight in a file.
func bits(f quant.Format) float64 {
	if f.Codec != nil {
		return 8 * float64(f.Codec.Bytes) / float64(f.Codec.Weights)
	}
	return 8 * float64(f.BlockBytes[0]) / float64(f.Block)
}

// deviceBytes returns the size of a tensor on the device, where each part of
// each shard is whole words.
func deviceBytes(f quant.Format, t Tensor) (n uint64) {
	if len(t.Shape) == 1 {
		return 4 * uint64(t.Shape[0])
	}
	for _, size := range f.RowBytes(t.Cols()) {
		n += uint64(t.Shape[0]) * uint64((size+3)/4*4)
	}
	return n
}
