//go:build !viewer

package main

import (
	"errors"

	"github.com/spf13/cobra"

	"pixtral-wgpu/view"
)

// showWindow is never reached: check refuses before.
func showWindow(*cobra.Command, *view.Viewer, string, int, int, int) error {
	return errors.New("this build has no window")
}
