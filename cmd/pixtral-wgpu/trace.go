package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"pixtral-wgpu/model"
	"pixtral-wgpu/model/safetensors"
)

// A traceFlags is what trace knows beside what run knows.
type traceFlags struct {
	askFlags
	match []string
	out   string
}

func newTrace() *cobra.Command {
	var f traceFlags
	cmd := &cobra.Command{
		Use:   "trace --out FILE [--match GLOB]... [flags] [IMAGE...] QUESTION",
		Short: "Write the values of the pass to a file",
		Long: `Write the values of the pass over a prompt to a safetensors file, as f32.

Without --match these are

  images.I.pixels, vision.I.ln_pre, vision.I.layers.N, adapter.I,
  embeddings, layers.N, norm, logits

for image I and layer N, a row for each patch or token. Values inside have the
names of their scopes, for example layers.0.attention.q and
vision.0.layers.1.feed_forward.gated. Dots part a name: in a pattern * is one
part or some of it, ** any number of parts, and a pattern that begins with "*."
begins anywhere.

With --max-tokens the answer is traced too: the rows of its tokens follow those
of the prompt. Keys and values in memory are f32 unless --kv says otherwise, so
that the numbers can be compared with another implementation's.`,
		Example: `  pixtral-wgpu trace --out t.safetensors cat.jpg "What is this?"
  pixtral-wgpu trace --out t.safetensors --match '*.attention.q*' "Hello"`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	cmd.Flags().StringVarP(&f.out, "out", "o", "", "the `file` to write, in the format safetensors")
	cmd.Flags().StringArrayVar(&f.match, "match", nil, "values to write, by `pattern`; may be repeated (default those named above)")
	f.add(cmd.Flags(), 0, "f32", "f16", "q8_0")
	cmd.Flags().Lookup("max-tokens").Usage = "trace an answer too, of so many `tokens` at most"
	return cmd
}

func (f *traceFlags) run(cmd *cobra.Command, args []string) error {
	if f.out == "" {
		return misuse("where to? --out FILE is missing; for example --out trace.safetensors")
	}
	patterns := f.match
	if len(patterns) == 0 {
		patterns = outer
	}
	match, err := parseGlobs(patterns)
	if err != nil {
		return err
	}
	file, err := safetensors.Create(f.out) // a path that cannot be written is known before the work
	if err != nil {
		return err
	}
	defer file.Abort()
	a, err := f.open(cmd, args, true)
	if err != nil {
		return err
	}
	defer a.Close()
	values, reply, err := a.trace(cmd, f, match)
	if err != nil {
		return err
	}
	if err := write(file, values, a.prompt, a.model.Name); err != nil {
		return err
	}
	t := tabulate(values, f.out)
	if f.json {
		t.Reply = reply
		return encode(cmd, t)
	}
	t.print(cmd.ErrOrStderr())
	return nil
}

// trace runs the pass and returns the values that match, and the answer if one
// is wanted.
func (a *asking) trace(cmd *cobra.Command, f *traceFlags, match globs) (*model.Values, *report, error) {
	values := &model.Values{}
	var seen []string
	wanted := func(name string) bool {
		seen = append(seen, name)
		return match.match(name)
	}
	for i, img := range a.prompt.Images {
		if name := fmt.Sprintf("images.%d.pixels", i); wanted(name) {
			if err := values.Add(name, []int{3, img.Height, img.Width}, img.Pixels); err != nil {
				return nil, nil, err
			}
		}
	}
	a.session.Tap = values.Tap(wanted)
	reply, err := a.pass(cmd, f)
	if err == nil && len(values.Names) == 0 {
		err = fmt.Errorf("no value matches %s; %s", strings.Join(f.match, ", "), describe(seen))
	}
	return values, reply, err
}

// pass runs the prompt, and answers it if an answer is wanted.
func (a *asking) pass(cmd *cobra.Command, f *traceFlags) (*report, error) {
	defer a.progress.clear()
	if f.maxTokens == 0 {
		return nil, a.session.Sync(cmd.Context(), a.prompt)
	}
	reply, err := a.answer(cmd, &f.askFlags)
	if err != nil {
		return nil, err
	}
	r := a.report(&f.askFlags, reply)
	return &r, nil
}

// write puts the values into a file, and with them the tokens they belong to.
func write(file *safetensors.Stream, values *model.Values, prompt model.Prompt, name string) error {
	tokens, err := json.Marshal(prompt.Tokens)
	if err != nil {
		return err
	}
	for _, name := range values.Names {
		v := values.ByName[name]
		if err := file.Add(safetensors.FromFloat32s(name, v.Shape, v.Data)); err != nil {
			return err
		}
	}
	return file.Close(map[string]string{"model": name, "prompt_tokens": string(tokens)})
}
