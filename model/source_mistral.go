package model

import (
	"fmt"
	"path/filepath"

	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/model/safetensors"
)

// formatOf is the weight format of a type of safetensors.
var formatOf = map[safetensors.DType]quant.Format{
	safetensors.BF16: quant.BF16, safetensors.F16: quant.F16, safetensors.F32: quant.F32,
}

// A shard is one of the files of a checkpoint.
type shard struct {
	name string // for errors
	*safetensors.File
}

// MistralSource is the tensors of a file with Mistral's names. Closing the
// source closes the file; so does an error.
func MistralSource(name string, f *safetensors.File) (Source, error) {
	return safetensorsSource([]shard{{name, f}}, mistralNames)
}

// mistralNames is the mapper that has nothing to do.
func mistralNames(name string) (ours string, headDim int) { return name, 0 }

// safetensorsSource maps the tensors of files. rename returns Mistral's name
// and, if the rows lie in Hugging Face's order, how many a head has; without a
// name the tensor is left out. A tensor in two files is an error, which closes
// them all.
func safetensorsSource(files []shard, rename func(name string) (ours string, headDim int)) (Source, error) {
	m := &mapped{}
	for _, f := range files {
		m.files = append(m.files, f)
	}
	for _, f := range files {
		for _, name := range f.Names() {
			ours, headDim := rename(name)
			if ours == "" {
				continue
			}
			stored, _ := f.Tensor(name)
			t := Tensor{Name: ours, Origin: f.name + ": " + name, Shape: stored.Shape}
			err := fmt.Errorf("%s is of type %s; F32, F16 and BF16 can be read", t.Origin, stored.DType)
			if format, ok := formatOf[stored.DType]; ok {
				t.Format = format
				err = m.add(t, stored.Data, headDim)
			}
			if err != nil {
				m.Close()
				return nil, err
			}
		}
	}
	return m, nil
}

// openShards opens all files or none.
func openShards(paths []string) ([]shard, error) {
	var files []shard
	for _, path := range paths {
		f, err := safetensors.Open(path)
		if err != nil {
			closeShards(files)
			return nil, err
		}
		files = append(files, shard{filepath.Base(path), f})
	}
	return files, nil
}

// openMistral opens params.json and weights in Mistral's layout.
func openMistral(params string, weights []string) (*Config, Source, error) {
	data, err := readSmall(params, maxConfig)
	if err != nil {
		return nil, nil, err
	}
	config, err := ParseConfig(data)
	if err != nil {
		return nil, nil, err
	}
	files, err := openShards(weights)
	if err != nil {
		return nil, nil, err
	}
	source, err := safetensorsSource(files, mistralNames)
	return config, source, err
}

func closeShards(files []shard) {
	for _, f := range files {
		f.Close()
	}
}
