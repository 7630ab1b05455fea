package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model"
)

type infoFlags struct {
	modelFlag
	fitFlags
	deviceFlags
	json bool
}

func newInfo() *cobra.Command {
	var f infoFlags
	cmd := &cobra.Command{
		Use:   "info [flags]",
		Short: "Say what a model is, and what memory it would take",
		Long: `Say what a model is, and what memory it would take on the adapter: weights by
what they are for, keys and values, images, what is left, the largest context
that fits, and what --quant auto would pick. Nothing is loaded.`,
		Example: `  pixtral-wgpu info -m pixtral-12b --quant q4_k --ctx 32768
  pixtral-wgpu info --arch pixtral-12b --memory 12GiB`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	fs := cmd.Flags()
	f.modelFlag.add(fs)
	f.modelFlag.addArch(fs)
	f.fitFlags.add(fs, "f16", "q8_0", "f32")
	f.deviceFlags.add(fs)
	fs.BoolVar(&f.json, "json", false, "print a JSON object")
	return cmd
}

// A planned is what info prints.
type planned struct {
	Model   string         `json:"model"`
	Config  *model.Config  `json:"-"`
	Weights int            `json:"weights"`
	Bytes   uint64         `json:"file_bytes"`
	Quant   string         `json:"quant"` // "" as in the file
	Parts   []weightsPart  `json:"parts"`
	Notes   []string       `json:"notes"`
	Plan    memoryPlan     `json:"plan"`
	Device  string         `json:"device"`
	Memory  offer          `json:"memory"`
	Fits    *bool          `json:"fits"`        // null if the memory is unknown
	Largest int            `json:"context_fit"` // tokens; 0 if none fits or the memory is unknown
	Auto    *automatically `json:"auto"`        // null if nothing fits or the memory is unknown

	chosen fit // by auto
}

// A weightsPart is the weights of one use and format.
type weightsPart struct {
	Use     string `json:"use"`
	Format  string `json:"format"`
	Tensors int    `json:"tensors"`
	Weights int    `json:"weights"`
	Bytes   uint64 `json:"bytes"` // on the device
}

// automatically is what --quant auto picks.
type automatically struct {
	Quant    string `json:"quant"`
	Context  int    `json:"context"`
	Streamed int    `json:"host_layers"`
	Total    uint64 `json:"total"`
}

// A memoryPlan is a model.Plan, in bytes.
type memoryPlan struct {
	Context int    `json:"context"` // tokens
	KV      string `json:"kv"`
	Weights uint64 `json:"weights"`
	Cache   uint64 `json:"cache"`
	Text    uint64 `json:"activations"`
	Image   uint64 `json:"image"`
	Total   uint64 `json:"total"`

	HostLayers int    `json:"host_layers"`
	HostBytes  uint64 `json:"host_bytes"`
}

func (f *infoFlags) run(cmd *cobra.Command) error {
	if err := f.fitFlags.check(cmd); err != nil {
		return err
	}
	c, err := f.modelFlag.open(cmd)
	if err != nil {
		return err
	}
	defer c.Close()
	info, err := f.adapter()
	if err != nil {
		return err
	}
	p, err := f.plan(c, info)
	if err != nil {
		return err
	}
	if f.json {
		return encode(cmd, p)
	}
	p.print(cmd.OutOrStdout())
	return nil
}

// adapter describes the adapter that would be used. None is needed if --memory
// says what there would be.
func (f *infoFlags) adapter() (gpu.Info, error) {
	d, err := f.deviceFlags.open()
	if errors.Is(err, gpu.ErrNoAdapter) && f.memory > 0 {
		return gpu.Info{Name: "no adapter", Kind: "planned", Backend: "none"}, nil
	}
	if err != nil {
		return gpu.Info{}, err
	}
	defer d.Close()
	return d.Info, nil
}

func (f *infoFlags) plan(c *model.Checkpoint, info gpu.Info) (*planned, error) {
	o, most := f.options(), f.offer(info)
	p := &planned{Model: c.Name, Config: c.Config, Bytes: c.Bytes(), Device: info.String(), Memory: most, Notes: []string{}}
	asked := fit{quant: f.quant.value, context: o.Context, streamed: f.streamed(c)}
	if most.Usable > 0 {
		chosen, err := f.pick(c, o, most)
		if err == nil {
			p.chosen = chosen
			p.Auto = &automatically{chosen.quant, chosen.context, chosen.streamed, chosen.plan.Total()}
		}
		if asked.quant == auto && err == nil {
			asked = chosen
		} else if asked.quant == auto {
			asked.quant = smallest // which does not fit either
		}
	} else if asked.quant == auto {
		_, err := f.settle(c, o, most)
		return nil, err
	}
	p.Quant, o.Context = asked.quant, asked.context
	plan, err := c.PlanStreamed(p.Quant, asked.streamed, o)
	if err != nil {
		return nil, err
	}
	p.Plan = memoryPlan{
		Context: plan.Context, KV: plan.KV, Weights: plan.Weights, Cache: plan.Cache, Text: plan.Text + plan.Fixed,
		Image: plan.Image, Total: plan.Total(), HostLayers: plan.Streamed, HostBytes: plan.HostBytes,
	}
	if most.Usable > 0 {
		fits := p.Plan.Total <= most.Usable
		p.Fits = &fits
		if p.Largest, err = c.FitContext(p.Quant, asked.streamed, o, most.Usable); err != nil {
			return nil, err
		}
	}
	return p, p.place(c)
}

// place sorts the tensors by use and format.
func (p *planned) place(c *model.Checkpoint) error {
	list, err := c.Placements(p.Quant)
	if err != nil {
		return err
	}
	at := map[[2]string]int{}
	for _, t := range list {
		key := [2]string{use(t), t.Device.Name}
		i, ok := at[key]
		if !ok {
			i = len(p.Parts)
			at[key] = i
			p.Parts = append(p.Parts, weightsPart{Use: key[0], Format: key[1]})
		}
		part := &p.Parts[i]
		part.Tensors++
		part.Weights += t.Shape[0] * t.Cols()
		part.Bytes += t.DeviceBytes
		p.Weights += t.Shape[0] * t.Cols()
		if t.Note != "" {
			p.Notes = append(p.Notes, t.Note)
		}
	}
	return nil
}

// use says what a tensor is for.
func use(t model.Placement) string {
	switch head, _, _ := strings.Cut(t.Name, "."); {
	case head == "tok_embeddings":
		return "embeddings"
	case head == "output":
		return "head"
	case head == "vision_encoder":
		return "image encoder"
	case head == "vision_language_adapter":
		return "adapter"
	case len(t.Shape) == 1:
		return "norms"
	}
	return "layers"
}
