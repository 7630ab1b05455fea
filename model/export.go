package model

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/model/gguf"
)

// WriteGGUF writes a checkpoint as llama.cpp reads it into a directory: the text
// model as name.gguf, and if it sees images the encoder and the adapter as
// mmproj-name.gguf. Matrices are of the formats that Placements tells, norms and
// biases f32. It returns the files written, holds a few stretches of rows at a
// time and stops soon after ctx ends. Files that are there already are an error;
// after any error nothing is left.
func (c *Checkpoint) WriteGGUF(ctx context.Context, dir, name string, o LoadOptions) (paths []string, err error) {
	e := &exporter{ctx: ctx, c: c, progress: o.Progress}
	if e.placements, err = c.Placements(o.Quant); err != nil {
		return nil, err
	}
	for _, t := range e.placements {
		e.total += t.Bytes()
	}
	e.report(0)
	defer func() {
		if err != nil {
			err = fmt.Errorf("model: write %s: %w", c.Name, err)
			for _, path := range paths {
				os.Remove(path)
			}
			paths = nil
		}
	}()
	files := []struct {
		path     string
		metadata func() ([]gguf.KeyValue, error)
		part     exportPart
	}{
		{filepath.Join(dir, name+".gguf"), e.textMetadata, e.part(ggufText, "layers.", "blk.", ggufTextBlock)},
		{filepath.Join(dir, "mmproj-"+name+".gguf"), e.visionMetadata, e.part(ggufVision, "vision_encoder.transformer.layers.", "v.blk.", ggufVisionBlock)},
	}
	if c.Config.VisionEncoder == nil {
		files = files[:1]
	}
	for _, f := range files { // what cannot be written is known before the work
		if _, err := os.Stat(f.path); err == nil {
			return nil, fmt.Errorf("%s is there already; remove it, or write to another directory", f.path)
		}
		if _, err := f.metadata(); err != nil {
			return nil, err
		}
	}
	for _, f := range files {
		metadata, err := f.metadata()
		if err == nil {
			err = e.file(f.path, metadata, f.part)
		}
		if err != nil {
			return paths, err
		}
		paths = append(paths, f.path)
	}
	return paths, nil
}

// An exporter writes the files of one checkpoint.
type exporter struct {
	ctx         context.Context
	c           *Checkpoint
	placements  []Placement
	progress    func(done, total uint64)
	done, total uint64
}

// An exportPart is the tensors of one file with their names there.
type exportPart struct {
	tensors []gguf.Tensor
	from    []Placement
}

// part picks the tensors that a table of ggufName names, the other way round.
func (e *exporter) part(whole map[string]string, ours, theirs string, block map[string]string) exportPart {
	names := map[string]string{}
	for their, our := range whole {
		names[our] = their
	}
	inner := map[string]string{}
	for their, our := range block {
		inner[our] = their
	}
	var p exportPart
	for _, t := range e.placements {
		name, ok := names[t.Name]
		if rest, inBlock := strings.CutPrefix(t.Name, ours); inBlock && !ok {
			number, role, _ := strings.Cut(rest, ".")
			var known string
			role = strings.TrimSuffix(role, ".weight")
			known, ok = inner[role]
			name = theirs + number + "." + known + ".weight"
		}
		if ok {
			t.Device = exportFormat(t)
			p.tensors = append(p.tensors, gguf.Tensor{Name: name, Type: ggufType(t.Device), Dims: t.Shape})
			p.from = append(p.from, t)
		}
	}
	return p
}

// exportFormat is the format of a tensor in a file. llama.cpp's convolution
// knows f32 and f16 only, so bf16 becomes f32 there, which loses nothing.
func exportFormat(t Placement) quant.Format {
	if strings.HasSuffix(t.Name, "patch_conv.weight") && t.Device.Name == quant.BF16.Name {
		return quant.F32
	}
	return t.Device
}

func ggufType(f quant.Format) gguf.Type {
	t, _ := gguf.TypeOf(strings.ToUpper(f.Name)) // each of quant.Formats has one
	return t
}

// imageBreak is llama.cpp's copy of the embedding of [IMG_BREAK], which its
// image encoder puts behind each row of patches.
const imageBreak = "v.token_embd.img_break"

// file writes one file.
func (e *exporter) file(path string, metadata []gguf.KeyValue, p exportPart) error {
	vision := p.from[0].Name == "vision_encoder.patch_conv.weight"
	factors := e.c.Config.RopeFactors
	switch {
	case vision:
		p.tensors = append(p.tensors, gguf.Tensor{Name: imageBreak, Type: gguf.F32, Dims: []int{e.c.Config.Dim}})
	case factors != nil:
		p.tensors = append(p.tensors, gguf.Tensor{Name: ggufFactors, Type: gguf.F32, Dims: []int{len(factors)}})
	}
	w, err := gguf.Create(path, metadata, p.tensors)
	if err != nil {
		return err
	}
	for i, t := range p.from {
		err := w.Tensor(p.tensors[i].Name)
		if err == nil {
			err = e.tensor(w, t)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", t.Name, err), w.Abort())
		}
	}
	switch {
	case vision:
		err = e.imageBreak(w)
	case factors != nil:
		err = row(w, ggufFactors, factors)
	}
	if err != nil {
		return errors.Join(err, w.Abort())
	}
	return w.Close()
}

// imageBreak writes the embedding of [IMG_BREAK].
func (e *exporter) imageBreak(w *gguf.Writer) error {
	embeddings, _ := e.c.Source.Tensor("tok_embeddings.weight")
	at := int(e.c.Config.VisionEncoder.ImageBreakTokenID)
	values, err := embeddings.Floats(at, at+1)
	if err != nil {
		return err
	}
	return row(w, imageBreak, values)
}

// row writes a tensor of one row, in f32.
func row(w *gguf.Writer, name string, values []float32) error {
	if err := w.Tensor(name); err != nil {
		return err
	}
	_, err := w.Write(quant.F32.Pack(values)[0])
	return err
}

// tensor writes the rows of a tensor, which all cores convert a stretch at a time.
func (e *exporter) tensor(w io.Writer, t Placement) error {
	step := max(1, taskBytes*8/t.RowBytes())
	parts := make([][]byte, runtime.GOMAXPROCS(0))
	for from := 0; from < t.Shape[0]; from += step * len(parts) {
		if err := e.ctx.Err(); err != nil {
			return err
		}
		var group errgroup.Group
		for i := range parts {
			first := min(t.Shape[0], from+i*step)
			last := min(t.Shape[0], first+step)
			if parts[i] = nil; first == last {
				continue
			}
			group.Go(func() (err error) {
				parts[i], err = convert(t.Tensor, t.Device, first, last)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		for _, b := range parts {
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
		e.report(uint64(min(t.Shape[0], from+step*len(parts))-from) * uint64(t.RowBytes()))
	}
	return nil
}

// report adds bytes of the source to what is done.
func (e *exporter) report(bytes uint64) {
	if e.done += bytes; e.progress != nil {
		e.progress(e.done, e.total)
	}
}
