package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// verbs make the program's commands, in the order the help shows them.
var verbs = []func() *cobra.Command{
	newRun, newChat, newView, newServe, newImage, newInfo, newTokenize, newDetokenize, newTrace, newBench, newEval, newQuantize, newSynth, newPull, newModels, newDoctor, newVersion, newMan,
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "pixtral-wgpu",
		Short: "Ask Pixtral about pictures, on any WebGPU adapter",
		Long: `Ask Pixtral about pictures, on any WebGPU adapter.

Standard output is the answer, standard error everything else. The exit code
is 0 when done, 1 when it failed, 2 when it was misused.`,
		Example: `  pixtral-wgpu run cat.jpg "What is this?"
  pixtral-wgpu image cat.jpg --out seen.png
  pixtral-wgpu doctor`,
		Args:          cobra.ArbitraryArgs,
		RunE:          unknownVerb,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.DisableFlagsInUseLine = true
	root.SuggestionsMinimumDistance = 2
	cobra.EnableCommandSorting = false
	for _, verb := range verbs {
		cmd := verb()
		cmd.Flags().SortFlags = false
		cmd.DisableFlagsInUseLine = true
		root.AddCommand(cmd)
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &misuseError{err} })
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "FlagUsages", "FlagUsagesWrapped 80"))
	return root
}

// unknownVerb is the program without a verb: its help, or a mistake.
func unknownVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	hint := ""
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf("; did you mean %q?", near[0])
	}
	return misuse("there is no verb %q%s", args[0], hint)
}

// noArgs refuses arguments.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return misuse("%s takes no arguments, but got %q", cmd.Name(), args[0])
	}
	return nil
}
