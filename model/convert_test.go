package model_test

import (
	"bytes"
	"testing"

	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/safetensors"
)

func toBF16(v float32) []byte { return quant.BF16.Pack([]float32{v})[0] }
func toF16(v float32) []byte  { return quant.F16.Pack([]float32{v})[0] }

// convert returns src with its values rounded to typ and stored as typ or, with
// the same values, as f32.
func convert(t *testing.T, src *model.Checkpoint, typ, as safetensors.DType, narrow func(float32) []byte) *model.Checkpoint {
	t.Helper()
	var list []safetensors.Tensor
	for _, name := range src.Source.Names() {
		tensor, _ := src.Source.Tensor(name)
		values, err := tensor.Floats(0, tensor.Shape[0])
		check(t, err)
		half := safetensors.Tensor{Name: name, DType: typ, Shape: tensor.Shape}
		for _, v := range values {
			half.Data = append(half.Data, narrow(v)...)
		}
		if as == safetensors.F32 {
			rounded, err := half.Float32s()
			check(t, err)
			half = safetensors.FromFloat32s(name, tensor.Shape, rounded)
		}
		list = append(list, half)
	}
	var b bytes.Buffer
	check(t, safetensors.Write(&b, list, nil))
	f, err := safetensors.Parse(b.Bytes(), "converted")
	check(t, err)
	source, err := model.MistralSource("converted", f)
	check(t, err)
	return &model.Checkpoint{Name: "converted", Config: src.Config, Source: source}
}
