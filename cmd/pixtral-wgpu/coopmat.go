//go:build coopmat

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/tune"
	"pixtral-wgpu/gpu/verify"
)

// matrixTest is the hidden verb by which the program tries cooperative matrices in
// a process of their own.
const matrixTest = "matrix-test"

// withMatrices opens d anew with the cooperative matrices that work on it, or
// returns it as it is.
func (f *deviceFlags) withMatrices(d *gpu.Device, stderr io.Writer) (*gpu.Device, error) {
	if f.tuneFlags.off || f.shaders != "" || f.limits.value == "default" {
		return d, nil
	}
	self, err := os.Executable()
	if err != nil {
		return d, nil
	}
	o := tune.Options{Again: f.again, Warn: func(text string) { fmt.Fprintln(stderr, "note: "+text) }}
	size, err := tune.Matrices(context.Background(), d, o, func(ctx context.Context, size int) error {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
		defer cancel()
		return exec.CommandContext(ctx, self, matrixTest, strconv.Itoa(size), "--device", strconv.Itoa(d.Info.Index)).Run()
	})
	if err != nil || size == 0 {
		return d, nil // as without them
	}
	with, err := f.openWith(size)
	if err != nil {
		fmt.Fprintf(stderr, "note: cooperative matrices of %d by %d are left out: %v\n", size, size, err)
		return d, nil
	}
	d.Close()
	return with, nil
}

func newMatrixTest() *cobra.Command {
	var device string
	cmd := &cobra.Command{
		Use: matrixTest + " SIZE", Hidden: true, Args: cobra.ExactArgs(1),
		Short: "Check products by cooperative matrices, and end with what they end with",
		RunE: func(_ *cobra.Command, args []string) error {
			size, err := strconv.Atoi(args[0])
			if err != nil {
				return misuse("%q is no size", args[0])
			}
			d, err := gpu.Open(gpu.Options{Device: device, Matrices: size})
			if err != nil {
				return err
			}
			defer d.Close()
			for _, c := range verify.Checks() {
				if strings.HasSuffix(c.Kernel, fmt.Sprint("matrices_", size)) {
					if err := c.Run(d); err != nil {
						return fmt.Errorf("%v: %w", c, err)
					}
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&device, "device", "", "`adapter`")
	return cmd
}

func init() { verbs = append(verbs, newMatrixTest) }
