package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"pixtral-wgpu/gpu"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of the program and of what it stands on",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			printVersion(cmd.OutOrStdout())
			return nil
		},
	}
}

// What make dist sets. Other builds know what Go has put into them.
var release, commit string

// version returns the program's version and the commit it was built from, "" if
// that is not known.
func version() (string, string) {
	if release != "" {
		return release, commit
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)", ""
	}
	revision := ""
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	return info.Main.Version, revision
}

func printVersion(w io.Writer) {
	version, commit := version()
	fmt.Fprintln(w, strings.TrimSpace("pixtral-wgpu "+version+" "+commit))
	fmt.Fprintf(w, "%s %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(w, "wgpu-native %s\n", gpu.NativeVersion())
	if list, err := gpu.Adapters(); err == nil && len(list) > 0 {
		fmt.Fprintf(w, "adapter %v\n", list[0])
	} else {
		fmt.Fprintln(w, "no adapter")
	}
}
