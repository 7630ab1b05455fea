package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"pixtral-wgpu/remote"
	"pixtral-wgpu/tokenizer"
)

// runRemote has an engine elsewhere answer. Images are sent as they are.
func (f *askFlags) runRemote(cmd *cobra.Command, client *remote.Client, args []string) error {
	if err := refuse(cmd, append([]string{"tokens"}, elsewhere...)); err != nil {
		return err
	}
	line, err := f.parse(cmd, args)
	if err = cmp.Or(err, f.check(cmd)); err != nil {
		return err
	}
	request, err := f.request(cmd, line)
	if err != nil {
		return err
	}
	out := newLines(cmd.OutOrStdout())
	emit := out.print
	if f.json {
		emit = func(string) error { return nil }
	}
	reply, err := client.Chat(cmd.Context(), request, emit)
	if end := out.end(); err == nil {
		err = end
	}
	if err != nil {
		return err
	}
	name, err := client.Model(cmd.Context())
	if err != nil {
		return err
	}
	if f.json {
		return encode(cmd, remoteReport{
			Text: reply.Text, FinishReason: reply.FinishReason, Usage: reply.Usage, Model: name, Endpoint: client.URL(),
			Timings: remoteTimings{milliseconds(reply.FirstToken), milliseconds(reply.Took)},
		})
	}
	fmt.Fprintln(cmd.ErrOrStderr(), remoteSummary(reply, name, client.URL()))
	return nil
}

// request is the body that asks the question.
func (f *askFlags) request(cmd *cobra.Command, line ask) (remote.Request, error) {
	r := remote.Request{MaxTokens: f.maxTokens, Temperature: &f.sampler.Temperature, Stop: f.stop}
	for name, set := range map[string]func(){
		"top-p": func() { r.TopP = &f.sampler.TopP }, "top-k": func() { r.TopK = &f.sampler.TopK },
		"min-p": func() { r.MinP = &f.sampler.MinP }, "seed": func() { r.Seed = &f.sampler.Seed },
	} {
		if cmd.Flags().Changed(name) {
			set()
		}
	}
	if f.system != "" {
		r.Messages = append(r.Messages, remote.Message{Role: "system", Parts: []remote.Part{remote.Text(f.system)}})
	}
	parts, err := remoteParts(f.camera(cmd), line.parts())
	r.Messages = append(r.Messages, remote.Message{Role: "user", Parts: parts})
	return r, err
}

// remoteParts reads the images among parts.
func remoteParts(c *camera, parts []tokenizer.Part) (out []remote.Part, err error) {
	for _, p := range parts {
		if p.Type == tokenizer.PartText {
			out = append(out, remote.Text(p.Text))
			continue
		}
		file, err := c.read(p.Source)
		if err != nil {
			return nil, imageError(p.Source, err)
		}
		out = append(out, remote.Image(file))
	}
	return out, nil
}

type remoteReport struct {
	Text         string        `json:"text"`
	FinishReason string        `json:"finish_reason"`
	Usage        remote.Usage  `json:"usage"`
	Timings      remoteTimings `json:"timings"`
	Model        string        `json:"model"`
	Endpoint     string        `json:"endpoint"`
}

type remoteTimings struct {
	FirstTokenMS float64 `json:"first_token_ms"`
	TotalMS      float64 `json:"total_ms"`
}

func remoteSummary(r *remote.Reply, model, url string) string {
	parts := []string{fmt.Sprintf("%s in, %d out", plural(r.Usage.PromptTokens, "token"), r.Usage.CompletionTokens)}
	if r.FirstToken > 0 {
		parts = append(parts, fmt.Sprintf("first after %.2f s", r.FirstToken.Seconds()))
	}
	if rest := r.Took - r.FirstToken; r.Usage.CompletionTokens > 1 && rest > 0 {
		parts = append(parts, fmt.Sprintf("%.1f tok/s", float64(r.Usage.CompletionTokens-1)/rest.Seconds()))
	}
	parts = append(parts, model+" at "+url)
	if r.FinishReason == "length" {
		parts = append(parts, "cut short: --max-tokens")
	}
	return strings.Join(parts, " · ")
}
