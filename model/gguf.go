package model

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"pixtral-wgpu/gpu/quant"
	"pixtral-wgpu/model/gguf"
)

// openGGUF opens a text model and, if there is one, the mmproj with the image
// encoder, and returns the text's file. Of two files given the order does not
// matter. A file that was not asked for but lies beside the text is left out,
// with a note, if it belongs to another model.
func (c *Checkpoint) openGGUF(f *found) (*gguf.File, error) {
	text, err := gguf.Open(f.text)
	if err != nil {
		return nil, err
	}
	m := &mapped{files: []io.Closer{text}}
	c.Source = m
	var mmproj *gguf.File
	if f.mmproj != "" {
		if mmproj, err = gguf.Open(f.mmproj); err != nil {
			return nil, err
		}
		m.files = append(m.files, mmproj)
		if isMMProj(text) {
			text, mmproj = mmproj, text
			c.Name = nameOf(text.Name())
		}
	}
	if c.Config, err = parseGGUF(text); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(text.Name()), err)
	}
	if mmproj != nil {
		if err := c.Config.addMMProj(mmproj, text); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(mmproj.Name()), err)
		}
	} else if mmproj, err = c.nearby(f, text); err != nil {
		return nil, err
	} else if mmproj != nil {
		m.files = append(m.files, mmproj)
	}
	if err := m.addGGUF(text, ggufTextName); err != nil || mmproj == nil {
		return text, err
	}
	return text, m.addGGUF(mmproj, ggufVisionName)
}

// nearby opens the mmproj that lies beside a text model and belongs to it.
func (c *Checkpoint) nearby(f *found, text *gguf.File) (*gguf.File, error) {
	var fit *gguf.File
	for _, path := range f.nearby {
		mmproj, err := gguf.Open(path)
		if err == nil {
			if err = c.Config.addMMProj(mmproj, text); err != nil {
				mmproj.Close()
			}
		}
		if err != nil {
			c.Notes = append(c.Notes, fmt.Sprintf("%s is left out: %v", filepath.Base(path), err))
			continue
		}
		if fit != nil {
			mmproj.Close()
			err := fmt.Errorf("%s and %s both hold the image encoder; name one after the text model",
				filepath.Base(fit.Name()), filepath.Base(path))
			fit.Close()
			return nil, err
		}
		fit = mmproj
	}
	return fit, nil
}

// addGGUF maps the tensors of a file; rename returns Mistral's name.
func (m *mapped) addGGUF(f *gguf.File, rename func(name string) string) error {
	file := filepath.Base(f.Name())
	for _, stored := range f.Tensors {
		t := Tensor{Name: rename(stored.Name), Origin: file + ": " + stored.Name, Shape: stored.Dims}
		if t.Name == "" {
			continue
		}
		format, err := quant.Lookup(strings.ToLower(stored.Type.String()))
		if err != nil {
			return fmt.Errorf("%s is of type %v, which can't be read; convert the model to %s", t.Origin, stored.Type, ggufTypes())
		}
		t.Format = format
		if err := m.add(t, stored.Data, 0); err != nil { // arch llama has the rows in Mistral's order
			return err
		}
	}
	return nil
}

// ggufTypes lists the types that can be read, as GGUF spells them.
func ggufTypes() string {
	var names []string
	for _, f := range quant.Formats {
		name := strings.ToUpper(f.Name)
		if _, ok := gguf.TypeOf(name); ok {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// llama.cpp's names; gguf-py, constants.py, TENSOR_NAMES. A block is a prefix, a
// number, and one of these.
var (
	ggufText = map[string]string{
		"token_embd.weight":  "tok_embeddings.weight",
		"output_norm.weight": "norm.weight",
		"output.weight":      "output.weight",
		ggufFactors:          "",
	}
	ggufTextBlock = map[string]string{
		"attn_norm":   "attention_norm",
		"attn_q":      "attention.wq",
		"attn_k":      "attention.wk",
		"attn_v":      "attention.wv",
		"attn_output": "attention.wo",
		"ffn_norm":    "ffn_norm",
		"ffn_gate":    "feed_forward.w1",
		"ffn_down":    "feed_forward.w2",
		"ffn_up":      "feed_forward.w3",
	}
	ggufVision = map[string]string{
		"v.patch_embd.weight": "vision_encoder.patch_conv.weight",
		"v.pre_ln.weight":     "vision_encoder.ln_pre.weight",
		"mm.1.weight":         "vision_language_adapter.w_in.weight",
		"mm.1.bias":           "vision_language_adapter.w_in.bias",
		"mm.2.weight":         "vision_language_adapter.w_out.weight",
		"mm.2.bias":           "vision_language_adapter.w_out.bias",

		"v.token_embd.img_break": "", // the embedding of [IMG_BREAK], which the text has too
	}
	ggufVisionBlock = map[string]string{
		"ln1":      "attention_norm",
		"attn_q":   "attention.wq",
		"attn_k":   "attention.wk",
		"attn_v":   "attention.wv",
		"attn_out": "attention.wo",
		"ln2":      "ffn_norm",
		"ffn_gate": "feed_forward.w1",
		"ffn_down": "feed_forward.w2",
		"ffn_up":   "feed_forward.w3",
	}
)

func ggufTextName(name string) string {
	return ggufName(name, ggufText, "blk.", "layers.", ggufTextBlock)
}

func ggufVisionName(name string) string {
	return ggufName(name, ggufVision, "v.blk.", "vision_encoder.transformer.layers.", ggufVisionBlock)
}

// ggufName is the mapper of llama.cpp's names; spec section 2.1. A name that it
// does not know stays, for the check of tensors to find, and one that belongs to
// no tensor of ours is "".
func ggufName(name string, whole map[string]string, theirs, ours string, block map[string]string) string {
	if known, ok := whole[name]; ok {
		return known
	}
	rest, ok := strings.CutPrefix(name, theirs)
	parts := strings.Split(rest, ".")
	if !ok || len(parts) != 3 {
		return name
	}
	known, ok := block[parts[1]]
	if !ok || !slices.Contains([]string{"weight", "bias"}, parts[2]) {
		return name
	}
	return ours + parts[0] + "." + known + "." + parts[2]
}
