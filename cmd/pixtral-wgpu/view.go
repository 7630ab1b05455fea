package main

import (
	"cmp"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"os"

	"github.com/spf13/cobra"

	"pixtral-wgpu/model"
	"pixtral-wgpu/model/pixels"
	"pixtral-wgpu/view"
)

// viewFlags are the flags of view.
type viewFlags struct {
	modelFlag
	promptFlags
	deviceFlags
	fitFlags
	sampler   model.Sampler
	maxTokens int
	paused    bool
	offscreen string
	at        int
	layer     int
	head      string
	size      string
	scale     float64
	frames    int
}

func newView() *cobra.Command {
	var f viewFlags
	cmd := &cobra.Command{
		Use:   "view [flags] IMAGE... QUESTION",
		Short: "Watch the model look, in a window",
		Long: `Watch the model look, in a window.

The picture with its patches, attention over it, the answer as it grows, the
layers, the heads of one and what the kernels took, drawn by the device that
the model runs on. Space goes a word on, arrows choose head and layer, ? shows
all keys.

The window is in builds made by "make viewer"; --offscreen writes the same
picture to a file and is in all.`,
		Example: `  pixtral-wgpu view cat.jpg "What is this?"
  pixtral-wgpu view --offscreen look.png --at-token 2 cat.jpg "What is this?"`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	fs := cmd.Flags()
	f.modelFlag.add(fs)
	f.modelFlag.addArch(fs)
	f.promptFlags.add(fs)
	fs.Lookup("tokens").Hidden = true
	fs.IntVar(&f.maxTokens, "max-tokens", 256, "longest answer, in `tokens`")
	fs.Float64Var(&f.sampler.Temperature, "temperature", 0, "how freely to pick tokens; 0 picks the likeliest")
	fs.Uint64Var(&f.sampler.Seed, "seed", 0, "`number` that repeats an answer (default a new one each time)")
	fs.BoolVar(&f.paused, "step", false, "say a word only when asked to")
	fs.StringVar(&f.offscreen, "offscreen", "", "write one picture of the window to this PNG `file` instead")
	fs.IntVar(&f.at, "at-token", -1, "with --offscreen: after so many `words` (default the whole answer)")
	fs.IntVar(&f.layer, "layer", 0, "begin with this `layer`, from 1 on (default the last)")
	fs.StringVar(&f.head, "head", "mean", "what lies over the picture: `mean`, max, rollout or the number of a head, from 1 on")
	fs.StringVar(&f.size, "size", "1280x800", "`width x height` of the window, or of the picture in pixels")
	fs.Float64Var(&f.scale, "scale", 1, "with --offscreen: pixels to one of the layout's, as 2 for a high resolution")
	fs.IntVar(&f.frames, "frames", 0, "ask again and again for so many `frames`, then close the window and print how it ran; 0 leaves it open")
	f.fitFlags.add(fs, "f16", "q8_0", "f32")
	f.deviceFlags.add(fs)
	f.tuneFlags.add(fs)
	return cmd
}

// check reads the flags that are words.
func (f *viewFlags) check(cmd *cobra.Command) (width, height, head int, err error) {
	if n, e := fmt.Sscanf(f.size, "%dx%d", &width, &height); n != 2 || e != nil || width < 320 || height < 240 || width > 8192 || height > 8192 {
		return 0, 0, 0, misuse("--size %s: it is a width and a height, for example 1280x800", f.size)
	}
	if head, err = view.Head(f.head); err != nil {
		return 0, 0, 0, misuse("--head %s: %w", f.head, err)
	}
	if f.scale < 0.5 || f.scale > 4 {
		return 0, 0, 0, misuse("--scale %g: it may be 0.5 to 4", f.scale)
	}
	if f.offscreen == "" && !view.HasWindow {
		return 0, 0, 0, misuse("this build has no window: \"make viewer\" makes one that has (it needs the headers of X11 or Wayland); --offscreen FILE draws the same picture here")
	}
	if !cmd.Flags().Changed("seed") {
		f.sampler.Seed = uint64(rand.Uint32())
	}
	return width, height, head, cmp.Or(f.sampler.Check(), f.fitFlags.check(cmd))
}

func (f *viewFlags) run(cmd *cobra.Command, args []string) error {
	line, err := f.parse(cmd, args)
	if err != nil {
		return err
	}
	if len(line.images) == 0 {
		return misuse(`a picture is missing; for example: %s cat.jpg "What is this?"`, cmd.CommandPath())
	}
	width, height, head, err := f.check(cmd)
	if err != nil {
		return err
	}
	h := &host{f: &serveFlags{modelFlag: f.modelFlag, fitFlags: f.fitFlags, deviceFlags: f.deviceFlags}, cmd: cmd}
	defer h.close()
	p, err := h.open(cmd.Context())
	if err != nil {
		return err
	}
	see, err := lensOf(p.Name, p.Config, p.Tokenizer)
	if err != nil {
		return err
	}
	camera := f.camera(cmd)
	images, err := camera.takeAll(line.images, see)
	if err != nil {
		return err
	}
	v, err := view.New(p, view.Options{
		System: f.system, Sampler: f.sampler, MaxTokens: f.maxTokens, Context: h.fit.context, KV: f.kv.value, Paused: f.paused,
		Open: func(path string) (*pixels.Patches, error) { return camera.take(path, see) }, Save: saveWindow,
	})
	if err != nil {
		return err
	}
	defer v.Close()
	v.Ask(images, line.question)
	if err := v.Show(f.layer-1, head); err != nil {
		return misuse("%w", err)
	}
	if f.offscreen == "" {
		return showWindow(cmd, v, p.Name, width, height, f.frames)
	}
	if err := v.Until(cmd.Context(), f.at); err != nil {
		return err
	}
	img, err := v.Image(width, height, float32(f.scale))
	if err != nil {
		return err
	}
	if err := writePNG(f.offscreen, img); err != nil {
		return err
	}
	for _, w := range v.Words() {
		fmt.Fprint(cmd.OutOrStdout(), w.Text)
	}
	fmt.Fprintln(cmd.OutOrStdout())
	return nil
}

// saveWindow writes a picture beside where the program was started, under the
// first name that is free.
func saveWindow(img image.Image) (string, error) {
	for n := 1; ; n++ {
		path := fmt.Sprintf("pixtral-view-%d.png", n)
		if _, err := os.Lstat(path); os.IsNotExist(err) {
			return path, writePNG(path, img)
		}
	}
}

func writePNG(path string, img image.Image) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := png.Encode(f, img); err != nil {
		f.Close()
		return fmt.Errorf("%s: %w", path, err)
	}
	return f.Close()
}
