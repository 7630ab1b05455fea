package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"pixtral-wgpu/hub"
)

func newPull() *cobra.Command {
	return &cobra.Command{
		Use:   "pull REPO[@REVISION][:FILES]",
		Short: "Fetch a model from the Hugging Face hub",
		Long: `Fetch a model from the Hugging Face hub into the hub's own cache, and print the
directory. Without FILES, a pattern, it fetches what this program runs; of GGUF
files the pattern must say which. What was fetched before, here or by Python's
huggingface_hub, is not fetched again, and a pull that was stopped goes on where
it was. Every file is checked by its hash.

HF_TOKEN, HF_ENDPOINT, HF_HOME, HF_HUB_CACHE and HF_HUB_OFFLINE are honoured.`,
		Example: `  pixtral-wgpu pull mistralai/Pixtral-12B-2409
  pixtral-wgpu pull "someone/pixtral-12b-GGUF:{*Q4_K_M.gguf,mmproj*}"
  pixtral-wgpu run -m mistralai/Pixtral-12B-2409 cat.jpg "What is this?"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return misuse("pull takes the name of one repository; for example: %s mistralai/Pixtral-12B-2409", cmd.CommandPath())
			}
			return pull(cmd, args[0])
		},
	}
}

func pull(cmd *cobra.Command, repo string) error {
	client, err := hub.FromEnv()
	if err != nil {
		return err
	}
	bar := newProgress(cmd.ErrOrStderr())
	defer bar.clear()
	show := bar.pull("fetching " + repo)
	var last hub.Progress
	dir, err := client.Pull(cmd.Context(), repo, func(p hub.Progress) {
		last = p
		show(p)
	})
	bar.clear()
	if err != nil {
		return err
	}
	if last.Total > 0 { // offline nothing is reported
		fmt.Fprintf(cmd.ErrOrStderr(), "%s, %s\n", plural(len(last.Files), "file"), hub.Size(last.Total))
	}
	fmt.Fprintln(cmd.OutOrStdout(), dir)
	return nil
}
