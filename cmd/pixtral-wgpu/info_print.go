package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"pixtral-wgpu/gpu"
)

func (p *planned) print(w io.Writer) {
	c := p.Config
	fmt.Fprintf(w, "%s: %s, %s as it is\n", p.Model, weightsOf(p.Weights), gpu.Size(p.Bytes))
	fmt.Fprintf(w, "text    %s of %d, %d heads over %d of %d, %d inside\n",
		plural(c.Layers, "layer"), c.Dim, c.Heads, c.KVHeads, c.HeadDim, c.HiddenDim)
	if v := c.VisionEncoder; v != nil {
		fmt.Fprintf(w, "images  %s of %d, up to %d² pixels in patches of %d²\n", plural(v.Layers, "layer"), v.HiddenSize, v.ImageSize, v.PatchSize)
	} else {
		fmt.Fprintf(w, "images  none: it reads text only\n")
	}
	fmt.Fprintf(w, "tokens  %d\n\n", c.VocabSize)
	p.printTable(w)
	p.printRoom(w)
	const most = 3
	for _, note := range p.Notes[:min(most, len(p.Notes))] {
		fmt.Fprintln(w, "note: "+note)
	}
	if n := len(p.Notes) - most; n > 0 {
		fmt.Fprintf(w, "note: and %d more like these\n", n)
	}
}

// weightsOf counts weights as people do.
func weightsOf(n int) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f billion weights", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f million weights", float64(n)/1e6)
	}
	return plural(n, "weight")
}

func (p *planned) printTable(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(what, format, number string, bytes uint64) {
		if bytes > 0 {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t\n", pad(what), format, number, gpu.Size(bytes))
		}
	}
	for _, part := range p.Parts {
		line(part.Use, part.Format, plural(part.Tensors, "tensor"), part.Bytes)
	}
	if n := p.Plan.HostLayers; n > 0 {
		fmt.Fprintf(table, "%s\t\t%s\t-%s\t\n", pad("in host memory"), plural(n, "layer"), gpu.Size(p.weightsBytes()-p.Plan.Weights))
	}
	line("weights in all", "", "", p.Plan.Weights)
	line("keys and values", p.Plan.KV, plural(p.Plan.Context, "token"), p.Plan.Cache)
	line("activations", "f32", "", p.Plan.Text)
	line("the largest image", "f32", "", p.Plan.Image)
	line("in all", "", "", p.Plan.Total)
	table.Flush()
}

// weightsBytes returns the bytes of all parts, wherever they are.
func (p *planned) weightsBytes() (n uint64) {
	for _, part := range p.Parts {
		n += part.Bytes
	}
	return n
}

// pad makes a name as wide as the longest, so that it stands to the left in a
// table that is aligned to the right.
func pad(name string) string { return fmt.Sprintf("%-17s", name) }

func (p *planned) printRoom(w io.Writer) {
	fmt.Fprintf(w, "\n%s\n", p.Device)
	if p.Fits == nil {
		fmt.Fprintln(w, "memory   unknown: the system does not tell; --memory can")
		return
	}
	fmt.Fprintf(w, "memory   %v, of which %s are counted on\n", p.Memory, gpu.Size(p.Memory.Usable))
	if *p.Fits {
		fmt.Fprintf(w, "margin   %s\n", gpu.Size(p.Memory.Usable-p.Plan.Total))
	} else {
		fmt.Fprintf(w, "margin   none: %s too much\n", gpu.Size(p.Plan.Total-p.Memory.Usable))
	}
	switch {
	case p.Largest > 0:
		fmt.Fprintf(w, "context  up to %d tokens\n", p.Largest)
	case p.Plan.HostLayers > 0:
		fmt.Fprintf(w, "context  none fits with %s there\n", plural(p.Config.Layers-p.Plan.HostLayers, "layer"))
	default:
		fmt.Fprintln(w, "context  none fits with all layers there")
	}
	if p.Auto != nil {
		fmt.Fprintf(w, "auto     %v\n", p.chosen)
	} else {
		fmt.Fprintln(w, "auto     nothing fits")
	}
}
