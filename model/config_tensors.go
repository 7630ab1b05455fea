package model

import "fmt"

// A TensorSpec is what the checkpoint must have under a name: a tensor of that
// shape, outermost dimension first.
type TensorSpec struct {
	Name  string
	Shape []int
}

// Len returns the number of values.
func (s TensorSpec) Len() int {
	n := 1
	for _, d := range s.Shape {
		n *= d
	}
	return n
}

// Tensors lists every tensor of a checkpoint, by Mistral's names, in the order
// of the pass. Matrices are [out, in].
func (c *Config) Tensors() []TensorSpec {
	var specs []TensorSpec
	add := func(name string, shape ...int) { specs = append(specs, TensorSpec{name, shape}) }

	if v := c.VisionEncoder; v != nil {
		add("vision_encoder.patch_conv.weight", v.HiddenSize, v.Channels, v.PatchSize, v.PatchSize)
		add("vision_encoder.ln_pre.weight", v.HiddenSize)
		for n := range v.Layers {
			blockTensors(add, fmt.Sprintf("vision_encoder.transformer.layers.%d.", n),
				v.HiddenSize, v.HiddenSize, v.HiddenSize, v.IntermediateSize)
		}
		for _, m := range []struct {
			name string
			cols int
		}{{"w_in", v.HiddenSize}, {"w_out", c.Dim}} {
			add("vision_language_adapter."+m.name+".weight", c.Dim, m.cols)
			if v.AdapterBias {
				add("vision_language_adapter."+m.name+".bias", c.Dim)
			}
		}
	}

	add("tok_embeddings.weight", c.VocabSize, c.Dim)
	for n := range c.Layers {
		blockTensors(add, fmt.Sprintf("layers.%d.", n),
			c.Dim, c.Heads*c.HeadDim, c.KVHeads*c.HeadDim, c.HiddenDim)
	}
	add("norm.weight", c.Dim)
	if !c.TiedEmbeddings {
		add("output.weight", c.VocabSize, c.Dim)
	}
	return specs
}

// blockTensors adds the nine tensors of a transformer layer, which both towers share.
func blockTensors(add func(name string, shape ...int), prefix string, dim, queries, keys, hidden int) {
	add(prefix+"attention_norm.weight", dim)
	add(prefix+"attention.wq.weight", queries, dim)
	add(prefix+"attention.wk.weight", keys, dim)
	add(prefix+"attention.wv.weight", keys, dim)
	add(prefix+"attention.wo.weight", dim, queries)
	add(prefix+"ffn_norm.weight", dim)
	add(prefix+"feed_forward.w1.weight", hidden, dim)
	add(prefix+"feed_forward.w3.weight", hidden, dim)
	add(prefix+"feed_forward.w2.weight", dim, hidden)
}
