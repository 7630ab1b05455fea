package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"pixtral-wgpu/hub"
)

func newModels() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "models [flags] [rm REPO...]",
		Short: "List the models that were fetched, or remove some",
		Long: `List the models in the hub's cache: those that pull fetched, and those of
Python's huggingface_hub. -m takes their names. With rm, remove some, all their
revisions and unfinished downloads.`,
		Example: `  pixtral-wgpu models
  pixtral-wgpu models rm mistralai/Pixtral-12B-2409`,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := hub.FromEnv()
			if err != nil {
				return err
			}
			switch {
			case len(args) == 0:
				return listModels(cmd, client, asJSON)
			case args[0] != "rm":
				return misuse("models can only list or rm, but got %q", args[0])
			case len(args) == 1:
				return misuse("which model is to be removed? For example: %s rm mistralai/Pixtral-12B-2409", cmd.CommandPath())
			}
			for _, repo := range args[1:] {
				if err := client.Remove(repo); err != nil {
					return err
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "%s is removed\n", repo)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array")
	return cmd
}

// A listed is a model as models --json prints it.
type listed struct {
	Repo      string    `json:"repo"`
	Dir       string    `json:"dir"`
	Bytes     int64     `json:"bytes"`
	Partial   int64     `json:"partial_bytes"`
	LastUse   time.Time `json:"last_use,omitzero"`
	Revisions []string  `json:"revisions"`
}

func listModels(cmd *cobra.Command, client *hub.Client, asJSON bool) error {
	models, err := client.List()
	if err != nil {
		return err
	}
	list := []listed{}
	for _, m := range models {
		l := listed{m.Repo, m.Dir, m.Size, m.Partial, m.LastUse, []string{}}
		for _, r := range m.Revisions {
			name := r.Commit[:12]
			if len(r.Refs) > 0 {
				name = strings.Join(r.Refs, ", ")
			}
			l.Revisions = append(l.Revisions, name)
		}
		list = append(list, l)
	}
	if asJSON {
		return encode(cmd, list)
	}
	if len(list) == 0 {
		fmt.Fprintln(cmd.ErrOrStderr(), "no models were fetched yet; pixtral-wgpu pull fetches one")
		return nil
	}
	printModels(cmd.OutOrStdout(), list)
	return nil
}

func printModels(w io.Writer, list []listed) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "name\tsize\tlast used\trevisions")
	for _, m := range list {
		used := "-"
		if !m.LastUse.IsZero() {
			used = humanize.Time(m.LastUse)
		}
		size := hub.Size(m.Bytes)
		if m.Partial > 0 {
			size += " + " + hub.Size(m.Partial) + " unfinished"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", m.Repo, size, used, strings.Join(m.Revisions, "; "))
	}
	table.Flush()
}
