package model_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
	"pixtral-wgpu/model/safetensors"
	"pixtral-wgpu/tokenizer"
)

// A checkpoint that is cut, mislabelled or another model's is an error that
// names the file and what is wrong.
func TestOpenCheckpointErrors(t *testing.T) {
	params, err := os.ReadFile("testdata/hf_a/params.json")
	check(t, err)
	weights, err := os.ReadFile("testdata/hf_a/consolidated.safetensors")
	check(t, err)
	edit := func(change func(tensors []safetensors.Tensor) []safetensors.Tensor) []byte {
		f, err := safetensors.Parse(weights, "hf_a")
		check(t, err)
		var list []safetensors.Tensor
		for _, name := range f.Names() {
			tensor, _ := f.Tensor(name)
			list = append(list, tensor)
		}
		var b bytes.Buffer
		check(t, safetensors.Write(&b, change(list), nil))
		return b.Bytes()
	}
	for name, c := range map[string]struct {
		params, weights []byte
		want            []string
	}{
		"no params":       {nil, weights, []string{"has consolidated.safetensors;", "params.json"}},
		"no weights":      {params, nil, []string{"has params.json;", "consolidated*.safetensors"}},
		"params not JSON": {[]byte("dim: 56"), weights, []string{"params.json"}},
		"params endless":  {bytes.Repeat([]byte(" "), 2<<20), weights, []string{"params.json", "more than 1048576"}},
		"weights cut":     {params, weights[:len(weights)-100], []string{"consolidated.safetensors"}},
		"weights not so":  {params, []byte("GGUF, to be sure"), []string{"consolidated.safetensors"}},
		"other sizes": {bytes.Replace(params, []byte(`"dim": 56`), []byte(`"dim": 64`), 1), weights,
			[]string{"consolidated.safetensors", "should be"}},
		"a tensor less": {params, edit(func(l []safetensors.Tensor) []safetensors.Tensor { return l[1:] }), []string{"is missing"}},
		"a tensor more": {params, edit(func(l []safetensors.Tensor) []safetensors.Tensor {
			return append(l, safetensors.FromFloat32s("layers.0.attention.wq.bias", []int{1}, []float32{1}))
		}), []string{"layers.0.attention.wq.bias", "no part of a Pixtral"}},
		"a type we can't read": {params, edit(func(l []safetensors.Tensor) []safetensors.Tensor {
			l[0].DType = safetensors.I32
			return l
		}), []string{"I32", "BF16"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, data := range map[string][]byte{"params.json": c.params, "consolidated.safetensors": c.weights} {
				if data != nil {
					check(t, os.WriteFile(filepath.Join(dir, file), data, 0o600))
				}
			}
			_, err := model.OpenCheckpoint(dir)
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error is %v, want %q in it", err, want)
				}
			}
		})
	}
}

// Loading reports its progress, can be cancelled, and gives everything back
// when memory does not suffice.
func TestLoad(t *testing.T) {
	c, err := model.OpenCheckpoint("testdata/hf_a")
	check(t, err)
	defer c.Close()
	d := open(t, gpu.Options{})
	before, _ := d.Used()

	var last, total uint64
	p, err := model.Load(t.Context(), d, c, model.LoadOptions{Progress: func(n, of uint64) { last, total = n, of }})
	check(t, err)
	if now, _ := d.Used(); last != total || total != c.Bytes() || now-before != total {
		t.Errorf("progress ended at %d of %d bytes; %d are in use for %d", last, total, now-before, c.Bytes())
	}
	p.Close()

	ctx, cancel := context.WithCancel(t.Context())
	_, err = model.Load(ctx, d, c, model.LoadOptions{Progress: func(n, of uint64) {
		if n > of/2 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if now, _ := d.Used(); now != before {
		t.Errorf("%d bytes are still in use after Close and a cancelled load", now-before)
	}

	small := open(t, gpu.Options{MemoryBytes: before + total/2})
	var memory *gpu.OutOfMemoryError
	if _, err := model.Load(t.Context(), small, c, model.LoadOptions{}); !errors.As(err, &memory) {
		t.Errorf("in half the memory: %v", err)
	}
}

// A session too large for the device says so, with the context that would fit.
func TestNewSessionErrors(t *testing.T) {
	p, _ := golden13(t, open(t, gpu.Options{DefaultLimits: true}))
	for name, c := range map[string]struct {
		o    model.SessionOptions
		want string
	}{
		"too long": {model.SessionOptions{Context: 1 << 20}, "131072"},
		"negative": {model.SessionOptions{Context: -5}, "131072"},
		"type":     {model.SessionOptions{KV: "q2"}, "f32"},
	} {
		if _, err := p.NewSession(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	now, _ := p.Device().Used()
	s, err := p.NewSession(model.SessionOptions{Context: 64})
	check(t, err)
	s.Close()
	if after, _ := p.Device().Used(); after != now {
		t.Errorf("%d bytes are still in use after Close", after-now)
	}
}

// Half floats of the checkpoint are read as they are: the same greedy tokens
// from bf16 and f16 weights as from the same values in f32.
func TestWeightTypes(t *testing.T) {
	src, err := model.OpenCheckpoint("testdata/hf_a")
	check(t, err)
	defer src.Close()
	d := open(t, gpu.Options{DefaultLimits: true, ShardBytes: 3000})
	prompt := model.Prompt{Tokens: []tokenizer.Token{1, 3, 89, 78, 30, 108, 40, 4}}
	run := func(typ safetensors.DType, narrow func(float32) []byte) (list []tokenizer.Token) {
		rounded := map[safetensors.DType]*model.Checkpoint{}
		for _, as := range []safetensors.DType{typ, safetensors.F32} {
			rounded[as] = convert(t, src, typ, as, narrow)
			p := load(t, d, rounded[as])
			got := greedy(t, p, model.SessionOptions{Context: 64, KV: "f32"}, prompt, 32)
			if list != nil && !slices.Equal(got, list) {
				t.Errorf("%s: %v as f32, %v as it is", typ, got, list)
			}
			list = got
		}
		return list
	}
	run(safetensors.BF16, toBF16)
	run(safetensors.F16, toF16)
}
