package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/model/pixels"
)

// A choice is a flag with a few values.
type choice struct {
	value string
	of    []string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return strings.Join(c.of, "|") }

func (c *choice) Set(s string) error {
	for _, value := range c.of {
		if strings.EqualFold(value, s) { // files and other programs write Q4_K
			c.value = value
			return nil
		}
	}
	named := slices.DeleteFunc(slices.Clone(c.of), func(name string) bool { return name == "" })
	return fmt.Errorf("it may be %s", orList(named))
}

// oneOf adds a flag that takes one of a few values; the first is its default.
func oneOf(fs *pflag.FlagSet, name, usage string, values ...string) *choice {
	c := &choice{values[0], values}
	fs.Var(c, name, usage)
	return c
}

// deviceFlags say which adapter to use, and how.
type deviceFlags struct {
	tuneFlags
	device, shaders string
	limits          *choice
	memory          bytesValue
}

func (f *deviceFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.device, "device", "", "`adapter` to run on, by its number in doctor or a part of its name (default the fastest kind)")
	f.limits = oneOf(fs, "limits", "use all the adapter offers, or only what WebGPU promises everywhere", "full", "default")
	fs.Var(&f.memory, "memory", "most memory to take on the adapter, for example 8GiB (default what the system says is free)")
	fs.StringVar(&f.shaders, "shaders", "", "`directory` of kernels to use instead of those in the program")
}

// open opens the adapter.
func (f *deviceFlags) open() (*gpu.Device, error) { return f.openWith(0) }

// openWith opens the adapter with cooperative matrices of a size, 0 for none.
func (f *deviceFlags) openWith(matrices int) (*gpu.Device, error) {
	kernels, err := f.kernels()
	if err != nil {
		return nil, err
	}
	return gpu.Open(gpu.Options{
		Device: f.device, DefaultLimits: f.limits.value == "default", MemoryBytes: uint64(f.memory), Matrices: matrices, Shaders: kernels,
	})
}

// openFast is open with the cooperative matrices that work on the adapter, in
// builds that know them.
func (f *deviceFlags) openFast(stderr io.Writer) (*gpu.Device, error) {
	d, err := f.open()
	if err != nil {
		return nil, err
	}
	return f.withMatrices(d, stderr)
}

// A bytesValue is a flag with a number of bytes and their unit; 0 if not given.
type bytesValue uint64

func (b *bytesValue) Type() string { return "size" }

func (b *bytesValue) String() string {
	if *b == 0 {
		return ""
	}
	return gpu.Size(uint64(*b))
}

func (b *bytesValue) Set(s string) error {
	n, err := humanize.ParseBytes(s)
	if err != nil || n == 0 {
		return fmt.Errorf("it is a number and a unit, for example 8GiB or 800MB")
	}
	*b = bytesValue(n)
	return nil
}

// kernels returns the directory of --shaders, nil for the program's own.
func (f *deviceFlags) kernels() (fs.FS, error) {
	if f.shaders == "" {
		return nil, nil
	}
	dir := os.DirFS(f.shaders)
	if files, err := fs.Glob(dir, "*.wgsl"); err != nil || len(files) == 0 {
		return nil, fmt.Errorf("--shaders %s: there are no .wgsl files; it is a copy of the repository's directory shaders", f.shaders)
	}
	return dir, nil
}

// imageFlags say how images are read.
type imageFlags struct {
	exif   *choice
	mostMB int
}

func (f *imageFlags) add(fs *pflag.FlagSet) {
	f.exif = exifFlag(fs)
	fs.IntVar(&f.mostMB, "max-download", 20, "largest image to fetch from a URL, in `MB`")
}

// exifFlag adds the flag for the orientation of photographs.
func exifFlag(fs *pflag.FlagSet) *choice {
	return oneOf(fs, "exif", "turn photographs upright by their EXIF orientation, or leave them as mistral-common does", "apply", "ignore")
}

func orientation(exif *choice) pixels.Orientation {
	if exif.value == "ignore" {
		return pixels.Ignore
	}
	return pixels.Apply
}

// options returns how pixels.Decode is to read images.
func (f *imageFlags) options() pixels.Options {
	return pixels.Options{Orientation: orientation(f.exif)}
}
