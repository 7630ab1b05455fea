package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/verify"
	"pixtral-wgpu/model/reference"
)

// A verdict is what doctor --verify finds.
type verdict struct {
	OK      bool          `json:"ok"`
	Kernels []kernelCheck `json:"kernels"`
	Pass    passCheck     `json:"pass"`
}

// A kernelCheck is a kernel against its twin at several sizes.
type kernelCheck struct {
	Kernel string `json:"kernel"`
	Cases  int    `json:"cases"`
	Failed int    `json:"failed"`
	Case   string `json:"case,omitempty"` // the first that failed
	Error  string `json:"error,omitempty"`
}

// A passCheck is a tiny Pixtral against the Go reference.
type passCheck struct {
	Values int     `json:"values"` // that were compared
	Worst  float64 `json:"worst"`  // distance of one, as a part of its norm
	At     string  `json:"at"`
	Error  string  `json:"error,omitempty"`
}

// verifyDevice checks the kernels, or only some, and the pass on a device. The error
// says which diverge; quiet leaves the printing to the caller.
func verifyDevice(cmd *cobra.Command, d *gpu.Device, only []string, quiet bool) (*verdict, error) {
	out := cmd.OutOrStdout()
	if quiet {
		out = io.Discard
	}
	bar := newProgress(cmd.ErrOrStderr())
	fmt.Fprintln(out, "\nkernels against plain Go")
	v := &verdict{}
	var err error
	if v.Kernels, err = verifyKernels(cmd.Context(), d, only, bar, out); err != nil {
		return v, err
	}
	fmt.Fprintln(out, "a tiny Pixtral against plain Go")
	if v.Pass, err = verifyPass(cmd.Context(), d); err != nil {
		return v, err
	}
	v.Pass.print(out)
	v.OK = v.Pass.Error == "" && len(v.broken()) == 0
	if !v.OK {
		return v, v.failure()
	}
	fmt.Fprintln(out, "all right")
	return v, nil
}

// verifyKernels runs every check and prints a line for each kernel. It goes on
// after a failure, unless the device is lost.
func verifyKernels(ctx context.Context, d *gpu.Device, only []string, bar *progress, out io.Writer) ([]kernelCheck, error) {
	checks := slices.DeleteFunc(verify.Checks(), func(c verify.Check) bool {
		return !c.Runs(d) || len(only) > 0 && !slices.Contains(only, c.Kernel)
	})
	report, done := bar.count("checking"), 0
	defer bar.clear()
	var list []kernelCheck
	for _, name := range kernelNames(checks) {
		k := kernelCheck{Kernel: name}
		for _, c := range checks {
			if c.Kernel != name {
				continue
			}
			if err := ctx.Err(); err != nil {
				return list, err
			}
			report(done, len(checks))
			done++
			if err := k.run(c, d); err != nil {
				return list, err
			}
		}
		bar.clear()
		k.print(out)
		list = append(list, k)
	}
	return list, nil
}

// kernelNames lists the kernels in the order of their first checks.
func kernelNames(checks []verify.Check) (names []string) {
	for _, c := range checks {
		if !slices.Contains(names, c.Kernel) {
			names = append(names, c.Kernel)
		}
	}
	return names
}

// run runs one check. Only a lost device is an error.
func (k *kernelCheck) run(c verify.Check, d *gpu.Device) error {
	k.Cases++
	err := c.Run(d)
	var lost *gpu.DeviceLostError
	if errors.As(err, &lost) {
		return fmt.Errorf("%v: %w", c, err)
	}
	if err != nil {
		if k.Failed++; k.Failed == 1 {
			k.Case, k.Error = c.Case, err.Error()
		}
	}
	return nil
}

func (k *kernelCheck) print(w io.Writer) {
	if k.Failed == 0 {
		fmt.Fprintf(w, "  ok    %-16s %s\n", k.Kernel, plural(k.Cases, "case"))
		return
	}
	fmt.Fprintf(w, "  FAIL  %-16s %d of %s\n        %s: %s\n", k.Kernel, k.Failed, plural(k.Cases, "case"), k.Case, k.Error)
}

// verifyPass runs the tiny Pixtral. What it returns as an error says nothing
// about the values.
func verifyPass(ctx context.Context, d *gpu.Device) (passCheck, error) {
	var p passCheck
	err := reference.Check(ctx, d, func(name string, off float64) {
		if p.Values++; off >= p.Worst {
			p.Worst, p.At = off, name
		}
	})
	if ctx.Err() != nil {
		return p, ctx.Err()
	}
	if err != nil {
		p.Error = err.Error()
	}
	return p, nil
}

func (p *passCheck) print(w io.Writer) {
	if p.Error == "" {
		fmt.Fprintf(w, "  ok    %s, the farthest %s by %.1e of its norm\n", plural(p.Values, "value"), p.At, p.Worst)
		return
	}
	fmt.Fprintf(w, "  FAIL  after %s\n        %s\n", plural(p.Values, "value"), p.Error)
}

// broken lists the kernels that failed.
func (v *verdict) broken() (names []string) {
	for _, k := range v.Kernels {
		if k.Failed > 0 {
			names = append(names, k.Kernel)
		}
	}
	return names
}

func (v *verdict) failure() error {
	switch broken := v.broken(); {
	case len(broken) == 0:
		return fmt.Errorf("every kernel is right, but the pass is not: %s", v.Pass.Error)
	case len(broken) == 1:
		return fmt.Errorf("the kernel %s diverges (shaders/%s.wgsl)", broken[0], broken[0])
	default:
		return fmt.Errorf("%d kernels diverge, the first of them %s: %s", len(broken), broken[0], strings.Join(broken, ", "))
	}
}
