package web

import (
	"slices"

	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

// facts are what the server knows of its model without asking the device, so
// that they outlive it.
type facts struct {
	name      string
	aliases   []string
	config    *model.Config
	tokenizer tokenizer.Tokenizer
	tekken    *tokenizer.Tekken // nil if the vocabulary is of another kind: there are no tools then
	lens      lens
}

// A lens is how the model sees images: in squares of patch pixels, at most side
// pixels long. A model of text has none.
type lens struct{ patch, side int }

func factsOf(p *model.Pixtral, aliases []string) facts {
	f := facts{name: p.Name, config: p.Config, tokenizer: p.Tokenizer, aliases: aliases}
	f.tekken, _ = p.Tokenizer.(*tokenizer.Tekken)
	if v := p.Config.VisionEncoder; v != nil {
		f.lens = lens{v.PatchSize, v.ImageSize}
		if f.tekken != nil && f.tekken.Image.PatchSize > 0 {
			f.lens = lens{f.tekken.Image.PatchSize, f.tekken.Image.MaxSize}
		}
	}
	if p.Config.Layers == 40 && p.Config.VisionEncoder != nil { // Pixtral 12B, however its files are called
		f.aliases = append(slices.Clone(aliases), "mistralai/Pixtral-12B-2409", "pixtral-12b-2409", "pixtral-12b", "pixtral-12b-latest")
	}
	return f
}

// names returns what the model may be called, its own name first.
func (f facts) names() []string { return append([]string{f.name}, f.aliases...) }

// find returns the name a request may use: the model's own if it leaves it open.
func (f facts) find(name string) (string, error) {
	if name == "" || slices.Contains(f.names(), name) {
		if name == "" {
			name = f.name
		}
		return name, nil
	}
	return "", &apiError{
		Status: 404, Type: notFound, Code: "model_not_found", Param: "model",
		Message: "The model " + quote(name) + " does not exist here; this server has " + quoteList(f.names()) + ".",
	}
}
