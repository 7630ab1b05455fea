package main

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"pixtral-wgpu/chat"
	"pixtral-wgpu/model/pixels"
)

// chatFlags are the flags of chat.
type chatFlags struct {
	modelFlag
	endpointFlags
	servingFlags
	images   []string
	system   string
	load     string
	settings struct {
		temperature, topP, minP float64
		topK, maxTokens         int
		seed                    uint64
	}
	mostMB int
}

func newChat() *cobra.Command {
	var f chatFlags
	cmd := &cobra.Command{
		Use:   "chat [flags] [IMAGE...]",
		Short: "Talk about pictures in the terminal",
		Long: `Talk about pictures in the terminal.

/help shows the commands: /image adds pictures to the next message, /what shows
what the model sees of one, /retry asks again, /save and /load keep a
conversation. Enter sends, Alt-Enter begins a new line, Tab completes, Ctrl-C
stops an answer, Ctrl-D leaves.

Through a pipe, messages and commands are read a line each (or several lines
between lines of """), answers go to standard output.`,
		Example: `  pixtral-wgpu chat cat.jpg
  pixtral-wgpu chat -m ~/models/pixtral-12b
  pixtral-wgpu chat --endpoint https://api.mistral.ai --api-key-env MISTRAL_API_KEY -m pixtral-12b-2409
  printf '/image cat.jpg\nWhat is it?\nIs it old?\n' | pixtral-wgpu chat`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	fs := cmd.Flags()
	f.modelFlag.add(fs)
	f.modelFlag.addArch(fs)
	f.endpointFlags.add(fs)
	fs.StringArrayVar(&f.images, "image", nil, "an image to begin with: `file` or URL; may be repeated")
	fs.StringVar(&f.system, "system", "", "system prompt, a `text`")
	fs.StringVar(&f.load, "load", "", "go on with the conversation saved in `file`")
	s := &f.settings
	fs.Float64Var(&s.temperature, "temperature", 0.35, "how freely to pick tokens; 0 picks the likeliest")
	fs.Float64Var(&s.topP, "top-p", 0, "pick among the likeliest that together reach this `probability` (default all)")
	fs.IntVar(&s.topK, "top-k", 0, "pick among so many of the likeliest `tokens` (default all)")
	fs.Float64Var(&s.minP, "min-p", 0, "pick among those at least so likely as the likeliest times this `factor` (default all)")
	fs.Uint64Var(&s.seed, "seed", 0, "`number` that repeats the answers (default new ones each time)")
	fs.IntVar(&s.maxTokens, "max-tokens", 0, "longest answer, in `tokens`; 0 leaves it to the model")
	fs.IntVar(&f.mostMB, "max-download", 20, "largest image to fetch from a URL, in `MB`")
	f.servingFlags.add(fs)
	return cmd
}

func (f *chatFlags) run(cmd *cobra.Command, args []string) error {
	bar := newProgress(cmd.ErrOrStderr())
	client, err := f.client(cmd, f.model)
	if err != nil {
		return err
	}
	o := chat.Options{Client: client, System: f.system, Settings: f.chosen(cmd), Read: f.reader(cmd)}
	see := lens{16, 1024} // Pixtral's own, where nobody says
	who := ""
	if client == nil {
		here, err := f.serve(cmd, &f.modelFlag, bar, 1)
		if err != nil {
			return err
		}
		defer here.close()
		o.Client, o.Context, who = here.client, here.context, here.name
		if see, err = lensOf(here.model.Name, here.model.Config, here.model.Tokenizer); err != nil {
			see = lens{} // an image will be refused by name
		}
	} else {
		if err := f.elsewhere(cmd); err != nil {
			return err
		}
		if who, err = client.Model(cmd.Context()); err != nil {
			return err
		}
		who += " at " + client.URL()
	}
	o.Lens = func(file []byte) (*chat.Sight, error) { return sightOf(file, see, f.exif) }
	c := chat.New(o)
	if f.load != "" {
		if err := c.Load(f.load); err != nil {
			return err
		}
	}
	for _, source := range append(f.images, args...) {
		sight, err := c.Attach(cmd.Context(), source)
		if err != nil {
			return err
		}
		fmt.Fprintln(cmd.ErrOrStderr(), sight.String(source, o.Context))
	}
	if in, ok := cmd.InOrStdin().(*os.File); ok && isTerminal(in) && isTerminal(cmd.OutOrStdout()) {
		return chat.Run(cmd.Context(), c, in, cmd.OutOrStdout(), who)
	}
	return chat.Plain(cmd.Context(), c, cmd.InOrStdin(), &sanitised{newLines(cmd.OutOrStdout())}, cmd.ErrOrStderr())
}

// sanitised writes text as lines does: without control characters to a terminal.
type sanitised struct{ to *lines }

func (s *sanitised) Write(p []byte) (int, error) { return len(p), s.to.print(string(p)) }

// chosen returns the settings that flags give; the others are the engine's.
func (f *chatFlags) chosen(cmd *cobra.Command) chat.Settings {
	s := &f.settings
	of := chat.Settings{Temperature: &s.temperature, MaxTokens: s.maxTokens}
	for name, set := range map[string]func(){
		"top-p": func() { of.TopP = &s.topP }, "top-k": func() { of.TopK = &s.topK },
		"min-p": func() { of.MinP = &s.minP }, "seed": func() { of.Seed = &s.seed },
	} {
		if cmd.Flags().Changed(name) {
			set()
		}
	}
	return of
}

// reader reads images as run does, but not from standard input, which is where
// the person writes.
func (f *chatFlags) reader(cmd *cobra.Command) func(context.Context, string) ([]byte, error) {
	return func(ctx context.Context, source string) ([]byte, error) {
		r := reader{ctx, bytes.NewReader(nil), int64(f.mostMB) << 20}
		if source == "-" {
			return nil, fmt.Errorf("standard input is where you write; give a path or a URL")
		}
		return r.read(source)
	}
}

// sightOf prepares an image and draws its patches.
func sightOf(file []byte, l lens, exif *choice) (*chat.Sight, error) {
	if l.patch == 0 {
		return nil, fmt.Errorf("the model reads text only")
	}
	img, err := pixels.Decode(file, pixels.Options{Orientation: orientation(exif)})
	if err != nil {
		return nil, err
	}
	p, err := pixels.Preprocess(img, l.patch, l.side)
	if err != nil {
		return nil, err
	}
	return &chat.Sight{Picture: pixels.DrawGrid(p.Picture(), p.Patch), Cols: p.Grid.Cols, Rows: p.Grid.Rows, Tokens: p.Grid.Tokens()}, nil
}
