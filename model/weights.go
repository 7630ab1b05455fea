package model

import "pixtral-wgpu/gpu"

// A block is one transformer layer. The encoder and the decoder share it.
type block struct {
	attentionNorm gpu.Tensor  // [dim]
	wq            *gpu.Matrix // [heads*headDim, dim]
	wk, wv        *gpu.Matrix // [kvHeads*headDim, dim]
	wo            *gpu.Matrix // [dim, heads*headDim]
	ffnNorm       gpu.Tensor  // [dim]
	w1, w3        *gpu.Matrix // [hidden, dim]
	w2            *gpu.Matrix // [dim, hidden]

	host *hostBlock // nil if the matrices stay on the device
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
