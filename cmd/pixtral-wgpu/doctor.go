package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/verify"
)

type doctorFlags struct {
	deviceFlags
	verify, json bool
	only         []string // kernels to verify; none for all
}

func newDoctor() *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor [flags]",
		Short: "List the adapters, and check that they compute right",
		Long: `List the adapters, their limits and drivers, and open the one that would be
used.

With --verify, run every kernel at awkward sizes and compare it with its twin in
plain Go, then a tiny Pixtral and compare each of its values with the reference
in plain Go. What diverges is named, and the exit code is 1.`,
		Example: `  pixtral-wgpu doctor
  pixtral-wgpu doctor --verify --device nvidia
  pixtral-wgpu doctor --verify --only linear_lane,embed --shaders shaders`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	cmd.Flags().BoolVar(&f.verify, "verify", false, "compare every kernel and a tiny model with plain Go")
	cmd.Flags().StringSliceVar(&f.only, "only", nil, "`kernels` that --verify compares, and the tiny model (default all)")
	f.deviceFlags.add(cmd.Flags())
	cmd.Flags().BoolVar(&f.json, "json", false, "print a JSON object")
	return cmd
}

// A diagnosis is what doctor prints.
type diagnosis struct {
	WGPUNative string      `json:"wgpu_native"`
	Adapters   []examined  `json:"adapters"`
	Chosen     *int        `json:"chosen"` // index of the adapter that would be used; null if none could be opened
	Why        string      `json:"why"`
	InForce    *gpu.Limits `json:"limits_in_force"`
	Verify     *verdict    `json:"verify,omitempty"`
}

// An examined is an adapter with its memory.
type examined struct {
	gpu.Info
	Memory offer `json:"memory"`
}

func (f *doctorFlags) run(cmd *cobra.Command) error {
	if err := f.check(); err != nil {
		return err
	}
	d := diagnosis{WGPUNative: gpu.NativeVersion(), Adapters: []examined{}}
	list, err := gpu.Adapters()
	for _, a := range list {
		d.Adapters = append(d.Adapters, examined{a, f.offer(a)})
	}
	device, openErr := f.openFast(cmd.ErrOrStderr())
	if err == nil {
		err = openErr
	}
	if openErr == nil {
		defer device.Close()
		d.Chosen, d.InForce = &device.Info.Index, &device.Limits
		d.Why = f.why(list)
	}
	if !f.json {
		d.print(cmd.OutOrStdout())
	}
	if f.verify && err == nil {
		d.Verify, err = verifyDevice(cmd, device, f.only, f.json)
	}
	if f.json {
		err = errors.Join(encode(cmd, d), err)
	}
	return err
}

// check refuses kernels that there are not.
func (f *doctorFlags) check() error {
	if len(f.only) > 0 && !f.verify {
		return misuse("--only names what --verify compares; give both")
	}
	names := kernelNames(verify.Checks())
	for _, name := range f.only {
		if !slices.Contains(names, name) {
			return misuse("--only: there is no kernel %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	return nil
}

// why says what chose an adapter.
func (f *doctorFlags) why(list []gpu.Info) string {
	switch {
	case f.device != "":
		return "the one that --device " + f.device + " names"
	case len(list) == 1:
		return "the only one"
	}
	return "the first: discrete GPUs come before integrated ones, those before software"
}

func (d *diagnosis) print(w io.Writer) {
	fmt.Fprintf(w, "wgpu-native %s, %s\n", d.WGPUNative, plural(len(d.Adapters), "adapter"))
	for _, a := range d.Adapters {
		fmt.Fprintf(w, "\n%d  %s\n", a.Index, a.Name)
		printFact(w, "kind", fmt.Sprintf("%s, %s", a.Kind, a.Backend))
		printFact(w, "driver", a.Driver)
		printFact(w, "memory", a.Memory.String())
		printLimits(w, "limits", a.Limits)
		printFact(w, "features", cmp.Or(strings.Join(a.Features, ", "), "none that matter here"))
		if d.Chosen == nil || *d.Chosen != a.Index {
			continue
		}
		if *d.InForce != a.Limits {
			printLimits(w, "in force", *d.InForce)
		}
		printFact(w, "used", "yes, as "+d.Why)
		if a.Software() {
			printFact(w, "", "It is software, and slow: is your GPU's Vulkan driver installed?")
		}
	}
}

func printFact(w io.Writer, name, text string) {
	fmt.Fprintf(w, "   %-9s %s\n", name, text)
}

func printLimits(w io.Writer, name string, l gpu.Limits) {
	printFact(w, name, fmt.Sprintf("buffers %s, bindings %s, workgroup memory %s,", gpu.Size(l.BufferBytes), gpu.Size(l.BindingBytes), gpu.Size(l.WorkgroupBytes)))
	printFact(w, "", fmt.Sprintf("%d invocations a workgroup, %d groups a dimension", l.Invocations, l.Groups))
}
