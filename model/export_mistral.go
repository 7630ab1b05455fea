package model

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"pixtral-wgpu/model/safetensors"
)

// WriteMistral writes a checkpoint in Mistral's form into a directory:
// params.json and consolidated.safetensors, in the float format that o.Quant
// names or in those of the files. Norms and biases stay as they are. Otherwise
// it is as WriteGGUF.
func (c *Checkpoint) WriteMistral(ctx context.Context, dir string, o LoadOptions) (paths []string, err error) {
	paths, err = c.writeMistral(ctx, dir, o)
	if err != nil {
		return nil, fmt.Errorf("model: write %s: %w", c.Name, err)
	}
	return paths, nil
}

func (c *Checkpoint) writeMistral(ctx context.Context, dir string, o LoadOptions) ([]string, error) {
	if c.Config.RopeFactors != nil {
		return nil, errors.New("its frequencies are scaled as Llama 3.1's, for which params.json has no word; write a GGUF")
	}
	e := &exporter{ctx: ctx, c: c, progress: o.Progress}
	var err error
	if e.placements, err = c.Placements(o.Quant); err != nil {
		return nil, err
	}
	for i := range e.placements {
		t := &e.placements[i]
		if len(t.Shape) == 1 {
			t.Device = t.Format
		}
		if t.Device.Codec != nil {
			return nil, fmt.Errorf("%s is %s, which safetensors does not hold; write a GGUF, or choose f32, f16 or bf16", t.Name, t.Device.Name)
		}
		e.total += t.Bytes()
	}
	e.report(0)
	weights, params := filepath.Join(dir, weightsFile), filepath.Join(dir, paramsFile)
	for _, path := range []string{weights, params} {
		if _, err := os.Stat(path); err == nil {
			return nil, fmt.Errorf("%s is there already; remove it, or write to another directory", path)
		}
	}
	if err := e.whole(weights, e.safetensors); err != nil {
		return nil, err
	}
	err = e.whole(params, func(w io.Writer) error {
		_, err := w.Write(c.Config.params())
		return err
	})
	if err != nil {
		return nil, errors.Join(err, os.Remove(weights))
	}
	return []string{params, weights}, nil
}

// whole writes a file that is either complete or not there.
func (e *exporter) whole(path string, write func(w io.Writer) error) error {
	f, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	if err = write(w); err == nil {
		err = w.Flush()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// safetensors writes the header, whose offsets follow from the shapes, and then
// the tensors, wide types first so that each is aligned.
func (e *exporter) safetensors(w io.Writer) error {
	slices.SortStableFunc(e.placements, func(a, b Placement) int {
		return fileBytes(b.Device, b.Device.Block) - fileBytes(a.Device, a.Device.Block)
	})
	type entry struct {
		DType   safetensors.DType `json:"dtype"`
		Shape   []int             `json:"shape"`
		Offsets [2]int            `json:"data_offsets"`
	}
	header, at := map[string]entry{}, 0
	for _, t := range e.placements {
		size := t.Shape[0] * fileBytes(t.Device, t.Cols())
		header[t.Name] = entry{safetensors.DType(strings.ToUpper(t.Device.Name)), t.Shape, [2]int{at, at + size}}
		at += size
	}
	text, err := json.Marshal(header)
	if err != nil {
		return err
	}
	text = append(text, strings.Repeat(" ", (8-len(text)%8)%8)...)
	if _, err := w.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)); err != nil {
		return err
	}
	for _, t := range e.placements {
		if err := e.tensor(w, t); err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
	}
	return nil
}

// params returns a config as params.json, which ParseConfig reads.
func (c *Config) params() []byte {
	type vision struct {
		HiddenSize        int     `json:"hidden_size"`
		Channels          int     `json:"num_channels"`
		ImageSize         int     `json:"image_size"`
		PatchSize         int     `json:"patch_size"`
		RopeTheta         float64 `json:"rope_theta"`
		IntermediateSize  int     `json:"intermediate_size"`
		Layers            int     `json:"num_hidden_layers"`
		Heads             int     `json:"num_attention_heads"`
		ImageTokenID      int32   `json:"image_token_id"`
		ImageBreakTokenID int32   `json:"image_break_token_id"`
		ImageEndTokenID   int32   `json:"image_end_token_id"`
		AdapterBias       bool    `json:"adapter_bias"`
	}
	p := struct {
		Dim            int     `json:"dim"`
		Layers         int     `json:"n_layers"`
		HeadDim        int     `json:"head_dim"`
		HiddenDim      int     `json:"hidden_dim"`
		Heads          int     `json:"n_heads"`
		KVHeads        int     `json:"n_kv_heads"`
		NormEps        float32 `json:"norm_eps"`
		VocabSize      int     `json:"vocab_size"`
		RopeTheta      float64 `json:"rope_theta"`
		TiedEmbeddings bool    `json:"tied_embeddings,omitempty"`
		VisionEncoder  *vision `json:"vision_encoder,omitempty"`
	}{
		c.Dim, c.Layers, c.HeadDim, c.HiddenDim, c.Heads, c.KVHeads, c.NormEps, c.VocabSize, c.RopeTheta,
		c.TiedEmbeddings, (*vision)(c.VisionEncoder),
	}
	text, _ := json.MarshalIndent(p, "", "  ") // numbers, none of which is NaN after ParseConfig
	return append(text, '\n')
}
