package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pixtral-wgpu/model"
	"pixtral-wgpu/tokenizer"
)

func newRun() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run [flags] [IMAGE...] QUESTION",
		Short: "Answer a question about images",
		Long: `Answer a question about images.

The last argument is the question, those before it are images: files, URLs,
data URIs, or - for standard input. Images come before the question, unless it
says where: {image} in the question stands for the next one.

With --batch, the requests of a file are answered instead, several at once:
JSON lines as OpenAI's batches have them (custom_id, method, url, body), or
Mistral's. Images may also be named by paths, beside the file. All are asked of
the model here, whatever model they name; with --endpoint, of the one they name
unless -m does. Answers are written as they come; a run that was ended goes on
from them.`,
		Example: `  pixtral-wgpu run cat.jpg "What is this?"
  pixtral-wgpu run before.png after.png "From {image} to {image}, what changed?"
  pixtral-wgpu run -m pixtral-12b --temperature 0 --json chart.webp "Sum it up."
  pixtral-wgpu run --endpoint http://localhost:8000 cat.jpg "What is this?"
  pixtral-wgpu run --batch requests.jsonl --out answers.jsonl`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	f.askFlags.add(cmd.Flags(), 256, "f16", "q8_0", "f32")
	f.endpointFlags.add(cmd.Flags())
	f.batchFlags.add(cmd.Flags())
	return cmd
}

// runFlags are the flags of run.
type runFlags struct {
	askFlags
	endpointFlags
	batchFlags
}

func (f *runFlags) run(cmd *cobra.Command, args []string) error {
	client, err := f.client(cmd, f.model)
	if err = cmp.Or(err, f.checkBatch(cmd, args)); err != nil {
		return err
	}
	switch {
	case f.batch != "":
		return f.runBatch(cmd, client)
	case client != nil:
		return f.runRemote(cmd, client, args)
	}
	return f.runHere(cmd, args)
}

func (f *askFlags) runHere(cmd *cobra.Command, args []string) error {
	a, err := f.open(cmd, args, false)
	if err != nil {
		return err
	}
	defer a.Close()
	return a.print(cmd, f)
}

// print answers and prints the answer, as text or as JSON.
func (a *asking) print(cmd *cobra.Command, f *askFlags) error {
	reply, err := a.answer(cmd, f)
	if err != nil {
		return err
	}
	if f.json {
		return encode(cmd, a.report(f, reply))
	}
	if a.model.Tokenizer == nil { // the answer has no text
		if err := encode(cmd, reply.Tokens); err != nil {
			return err
		}
	}
	fmt.Fprintln(cmd.ErrOrStderr(), a.summary(f, reply))
	return nil
}

// answer runs the request and prints the text as it comes, unless it is to be
// printed as JSON.
func (a *asking) answer(cmd *cobra.Command, f *askFlags) (*model.Reply, error) {
	out := newLines(cmd.OutOrStdout())
	reply, err := a.session.Reply(cmd.Context(), a.request(f), func(piece string) error {
		a.progress.clear()
		if f.json {
			return nil
		}
		return out.print(piece)
	})
	a.progress.clear()
	if end := out.end(); err == nil {
		err = end
	}
	return reply, err
}

// A report is what --json prints.
type report struct {
	Text         string            `json:"text"`
	Tokens       []tokenizer.Token `json:"tokens"`
	FinishReason string            `json:"finish_reason"`
	Usage        model.Usage       `json:"usage"`
	Timings      timings           `json:"timings"`
	Model        string            `json:"model"`
	Quant        string            `json:"quant"` // "" as in the file
	Context      int               `json:"context"`
	Device       string            `json:"device"`
	Seed         uint64            `json:"seed"`
	Memory       memoryUse         `json:"memory"`
}

// A memoryUse is the memory that was planned and that was taken, in bytes.
type memoryUse struct {
	Planned uint64 `json:"planned"`      // on the adapter
	Peak    uint64 `json:"adapter_peak"` // by the allocator's ledger
	Host    uint64 `json:"host_peak"`    // resident, with mapped files and driver; 0 if the system does not tell
}

type timings struct {
	LoadMS          float64 `json:"load_ms"`        // model and images
	FirstTokenMS    float64 `json:"first_token_ms"` // from then on
	AnswerMS        float64 `json:"answer_ms"`      // from the first token on
	PromptPerSecond float64 `json:"prompt_tokens_per_second"`
	TokensPerSecond float64 `json:"tokens_per_second"`
}

func (a *asking) report(f *askFlags, r *model.Reply) report {
	return report{
		Text: r.Text, Tokens: append([]tokenizer.Token{}, r.Tokens...), FinishReason: r.FinishReason, Usage: r.Usage,
		Timings: timings{
			LoadMS: milliseconds(a.loading), FirstTokenMS: milliseconds(r.Timings.Prompt), AnswerMS: milliseconds(r.Timings.Answer),
			PromptPerSecond: perSecond(r.Usage.PromptTokens, r.Timings.Prompt), TokensPerSecond: answerRate(r),
		},
		Model: a.model.Name, Quant: a.quant, Context: a.context, Device: a.model.Device().Info.String(), Seed: f.sampler.Seed,
		Memory: a.memory(),
	}
}

func (a *asking) memory() memoryUse {
	_, peak := a.model.Device().Used()
	return memoryUse{Planned: a.planned, Peak: peak, Host: hostPeak()}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func perSecond(n int, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

// answerRate returns the tokens per second after the first. An answer that the
// model ended had one more, the end.
func answerRate(r *model.Reply) float64 {
	n := r.Usage.CompletionTokens
	if r.FinishReason == model.Full {
		n--
	}
	return perSecond(max(n, 0), r.Timings.Answer)
}

// summary is the closing line.
func (a *asking) summary(f *askFlags, r *model.Reply) string {
	tokens := plural(r.Usage.PromptTokens, "token") + " in"
	if n := r.Usage.ImageTokens; n > 0 {
		tokens += fmt.Sprintf(" (%d of images)", n)
	}
	parts := []string{
		fmt.Sprintf("%s, %d out", tokens, r.Usage.CompletionTokens),
		fmt.Sprintf("first after %.2f s", r.Timings.Prompt.Seconds()),
	}
	if r.Usage.CompletionTokens > 1 {
		parts = append(parts, fmt.Sprintf("%.1f tok/s", answerRate(r)))
	}
	if f.sampler.Temperature > 0 {
		parts = append(parts, fmt.Sprintf("seed %d", f.sampler.Seed))
	}
	parts = append(parts, a.model.Device().Info.Name)
	if r.FinishReason == model.Full {
		parts = append(parts, "cut short: "+a.bound(f, r))
	}
	return strings.Join(parts, " · ")
}

// bound says which flag cut an answer short.
func (a *asking) bound(f *askFlags, r *model.Reply) string {
	if r.Usage.CompletionTokens == f.maxTokens {
		return fmt.Sprintf("--max-tokens %d", f.maxTokens)
	}
	return fmt.Sprintf("a context of %d is full (--ctx)", a.context)
}
