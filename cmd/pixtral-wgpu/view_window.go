//go:build viewer

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/view"
)

// showWindow opens the window; after a bound of frames it says how they ran.
func showWindow(cmd *cobra.Command, v *view.Viewer, title string, width, height, frames int) error {
	s, err := v.Window(cmd.Context(), "pixtral-wgpu: "+title, width, height, frames)
	if err != nil || frames == 0 {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%d frames, %.1f ms each; device memory %s after the first, %s at the end\n",
		s.Frames, float64(s.Frame.Microseconds())/1000, gpu.Size(s.Before), gpu.Size(s.End))
	return nil
}
