package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
)

type imageVerb struct {
	modelFlag
	imageFlags
	out     string
	context int
	json    bool
}

func newImage() *cobra.Command {
	var f imageVerb
	cmd := &cobra.Command{
		Use:   "image [flags] IMAGE",
		Short: "Show what the model sees of an image, and what it costs",
		Long: `Show what the model sees of an image: the size it is scaled to, its grid of
patches, and how much of the context its tokens take. --out writes the picture
as the model sees it, with the grid drawn on.`,
		Example: `  pixtral-wgpu image cat.jpg --out seen.png`,
		RunE:    func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	f.modelFlag.add(cmd.Flags())
	f.imageFlags.add(cmd.Flags())
	cmd.Flags().StringVarP(&f.out, "out", "o", "", "`file` to write the picture to, as PNG")
	cmd.Flags().IntVar(&f.context, "ctx", model.DefaultContext, "`tokens` of the context that the image is to share")
	cmd.Flags().BoolVar(&f.json, "json", false, "print a JSON object")
	return cmd
}

// A sight is what image prints.
type sight struct {
	Image        string  `json:"image"`
	Model        string  `json:"model"`
	Width        int     `json:"width"` // of the picture as it came
	Height       int     `json:"height"`
	SeenWidth    int     `json:"seen_width"` // as the model sees it
	SeenHeight   int     `json:"seen_height"`
	Patch        int     `json:"patch"` // pixels a side
	Cols         int     `json:"cols"`
	Rows         int     `json:"rows"`
	Patches      int     `json:"patches"`
	Tokens       int     `json:"tokens"`
	Context      int     `json:"context"`
	ContextShare float64 `json:"context_share"`
	Out          string  `json:"out,omitempty"`
}

func (f *imageVerb) run(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return misuse("image takes one image, but got %d", len(args))
	}
	if err := checkContext(f.context); err != nil {
		return err
	}
	c, err := f.modelFlag.open(cmd)
	if err != nil {
		return err
	}
	defer c.Close()
	l, err := lensOf(c.Name, c.Config, c.Tokenizer)
	if err != nil {
		return err
	}
	img, err := f.camera(cmd).take(args[0], l)
	if err != nil {
		return err
	}
	if f.out != "" {
		if err := writePNG(f.out, pixels.DrawGrid(img.Picture(), img.Patch)); err != nil {
			return err
		}
	}
	s := sight{
		Image: shorten(args[0]), Model: c.Name, Width: img.Source.Width, Height: img.Source.Height,
		SeenWidth: img.Width, SeenHeight: img.Height, Patch: img.Patch,
		Cols: img.Grid.Cols, Rows: img.Grid.Rows, Patches: img.Grid.Patches(), Tokens: img.Grid.Tokens(),
		Context: f.context, ContextShare: float64(img.Grid.Tokens()) / float64(f.context), Out: f.out,
	}
	if f.json {
		return encode(cmd, s)
	}
	s.print(cmd)
	return nil
}

func (s sight) print(cmd *cobra.Command) {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "image    %s, %d x %d pixels\n", s.Image, s.Width, s.Height)
	fmt.Fprintf(out, "seen     %d x %d pixels by %s\n", s.SeenWidth, s.SeenHeight, s.Model)
	fmt.Fprintf(out, "grid     %d columns x %d rows of %d pixels = %s\n", s.Cols, s.Rows, s.Patch, patches(s.Patches))
	fmt.Fprintf(out, "tokens   %d: the patches and an end for each row\n", s.Tokens)
	fmt.Fprintf(out, "context  %.1f %% of %d tokens\n", 100*s.ContextShare, s.Context)
	if s.Out != "" {
		fmt.Fprintf(out, "written  %s\n", s.Out)
	}
}

func patches(n int) string {
	if n == 1 {
		return "1 patch"
	}
	return fmt.Sprintf("%d patches", n)
}
