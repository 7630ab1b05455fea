package model

import (
	"slices"

	"pixtral-wgpu/gpu"
)

// A block is one transformer layer. The encoder and the decoder share it.
type block struct {
	attentionNorm gpu.Tensor  // [dim]
	wqkv          *gpu.Matrix // [(heads + 2*kvHeads)*headDim, dim]: wq, wk and wv one after the other
	wo            *gpu.Matrix // [dim, heads*headDim]
	ffnNorm       gpu.Tensor  // [dim]
	w13           *gpu.Matrix // [2*hidden, dim]: rows of w1 and w3 in turn; nil if their formats differ
	w1, w3        *gpu.Matrix // [hidden, dim]; nil if they are in w13
	w2            *gpu.Matrix // [dim, hidden]

	host *hostBlock // nil if the matrices stay on the device
}

// put makes m one of the block's matrices; those of wqkv come in order.
func (b *block) put(role string, m *gpu.Matrix) {
	switch role {
	case "wqkv":
		if b.wqkv != nil {
			m = gpu.Stack("wqkv", b.wqkv, m)
		}
		b.wqkv = m
	case "wo":
		b.wo = m
	case "w13":
		b.w13 = m
	case "w1":
		b.w1 = m
	case "w3":
		b.w3 = m
	case "w2":
		b.w2 = m
	}
}

// matrices returns the block's matrices on the device.
func (b *block) matrices() []*gpu.Matrix {
	list := []*gpu.Matrix{b.wqkv, b.wo, b.w13, b.w1, b.w3, b.w2}
	return slices.DeleteFunc(list, func(m *gpu.Matrix) bool { return m == nil })
}

// bytes returns their size.
func (b *block) bytes() (n uint64) {
	for _, m := range b.matrices() {
		n += m.Bytes()
	}
	return n
}

// weights has the shape of the checkpoint: a field is a name in the file.
type weights struct {
	tokEmbeddings *gpu.Matrix // [vocab, dim]
	layers        []block
	norm          gpu.Tensor  // [dim]
	output        *gpu.Matrix // [vocab, dim]

	visionEncoder struct {
		patchConv *gpu.Matrix // [hidden, channels*patch*patch]
		lnPre     gpu.Tensor  // [hidden]
		layers    []block
	}
	visionLanguageAdapter struct {
		wIn, wOut       *gpu.Matrix // [dim, hidden], [dim, dim]
		biasIn, biasOut gpu.Tensor  // [dim]; none if the config has no bias
	}

	tensors  []gpu.Tensor // all of them, for free
	matrices []*gpu.Matrix
}

func (w *weights) free(d *gpu.Device) {
	d.Free(w.tensors...)
	for _, m := range w.matrices {
		d.FreeMatrix(m)
	}
	*w = weights{}
}
