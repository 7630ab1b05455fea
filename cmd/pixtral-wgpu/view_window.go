//go:build viewer

package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/view"
)

// showWindow opens the window; after a bound of frames it says how they ran.
func showWindow(cmd *cobra.Command, v *view.Viewer, title string, width, height, frames int) error {
	s, err := v.Window(cmd.Context(), "pixtral-wgpu: "+title, width, height, view.Bound{Frames: frames})
	if err != nil || frames == 0 {
		return err
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	fmt.Fprintf(cmd.ErrOrStderr(), "%d frames, %.1f ms each, %.1f the longest, while %s were said\n", s.Frames, ms(s.Mean), ms(s.Worst), plural(s.Words, "word"))
	fmt.Fprintf(cmd.ErrOrStderr(), "memory after the first frames and at the end: device %s and %s, host %s and %s\n",
		gpu.Size(s.Before.Device), gpu.Size(s.End.Device), gpu.Size(s.Before.Host), gpu.Size(s.End.Host))
	return nil
}
