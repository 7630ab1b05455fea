//go:build llamacpp

package main

import (
	"strings"

	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/model/gguf"
)

// dequantize writes a file with all weights in f32.
func dequantize(to, from string) error {
	f, err := gguf.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	tensors := make([]gguf.Tensor, len(f.Tensors))
	for i, t := range f.Tensors {
		tensors[i] = t
		tensors[i].Type = gguf.F32
	}
	w, err := gguf.Create(to, f.Metadata, tensors)
	if err != nil {
		return err
	}
	defer w.Abort()
	for _, t := range f.Tensors {
		data, err := floats(t)
		if err != nil {
			return err
		}
		if err := w.Tensor(t.Name); err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return w.Close()
}

// floats returns the weights of a tensor as f32.
func floats(t gguf.Tensor) ([]byte, error) {
	format, err := quant.Lookup(strings.ToLower(t.Type.String()))
	switch {
	case err != nil:
		return nil, err
	case format.Codec == nil:
		return quant.F32.Pack(format.Unpack([][]byte{t.Data}))[0], nil
	}
	weights := make([]float32, len(t.Data)/format.Codec.Bytes*format.Codec.Weights)
	format.Codec.Dequantize(weights, t.Data)
	return quant.F32.Pack(weights)[0], nil
}
