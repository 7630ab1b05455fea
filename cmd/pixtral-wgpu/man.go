package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// newMan is for those who package the program, and is not in the help.
func newMan() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIRECTORY",
		Short:  "Write the manual pages and the shells' completions",
		Long:   "Write the manual pages into DIRECTORY/man, and completions for bash, fish,\nPowerShell and zsh into DIRECTORY/completions. SOURCE_DATE_EPOCH dates them.",
		Hidden: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return misuse("man takes the directory to write into, but got %q", args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return writeManual(cmd.Root(), args[0])
		},
	}
}

func writeManual(root *cobra.Command, dir string) error {
	pages, completions := filepath.Join(dir, "man"), filepath.Join(dir, "completions")
	for _, d := range []string{pages, completions} {
		if err := os.MkdirAll(d, 0o777); err != nil {
			return err
		}
	}
	root.DisableAutoGenTag = true
	release, _ := version()
	header := doc.GenManHeader{Section: "1", Source: "pixtral-wgpu " + release, Manual: "pixtral-wgpu"}
	if err := doc.GenManTree(root, &header, pages); err != nil {
		return err
	}
	for name, write := range map[string]func(string) error{
		"pixtral-wgpu.bash": func(path string) error { return root.GenBashCompletionFileV2(path, true) },
		"pixtral-wgpu.fish": func(path string) error { return root.GenFishCompletionFile(path, true) },
		"pixtral-wgpu.ps1":  root.GenPowerShellCompletionFileWithDesc,
		"_pixtral-wgpu":     root.GenZshCompletionFile,
	} {
		if err := write(filepath.Join(completions, name)); err != nil {
			return err
		}
	}
	return nil
}
