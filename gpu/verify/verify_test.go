package verify

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/shaders"
)

func open(t *testing.T, o gpu.Options) *gpu.Device {
	t.Helper()
	d, err := gpu.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// Every kernel equals its twin with all the adapter offers, with no more than
// WebGPU promises everywhere, and with matrices cut into shards of a few rows.
func TestKernels(t *testing.T) {
	for name, o := range map[string]gpu.Options{
		"full limits":    {},
		"default limits": {DefaultLimits: true, Plain: true},
		"small shards":   {ShardBytes: 4096},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, o)
			for _, c := range Checks() {
				if o.ShardBytes > 0 && !strings.HasPrefix(c.Kernel, "linear") && c.Kernel != "embed" {
					continue // no matrix
				}
				if err := c.Run(d); err != nil {
					t.Errorf("%v: %v", c, err)
				}
			}
			if now, _ := d.Used(); now != 256*1024 { // the params
				t.Errorf("%d bytes are still in use", now)
			}
		})
	}
}

// No kernel is without a check.
func TestEveryKernelIsChecked(t *testing.T) {
	kernels, err := shaders.Kernels(shaders.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	var checked []string
	for _, c := range Checks() {
		checked = append(checked, c.Kernel)
	}
	for _, k := range kernels {
		if !slices.Contains(checked, k) {
			t.Errorf("shaders/%s.wgsl has no check", k)
		}
	}
}

// A kernel broken on purpose is found by name, and only it.
func TestBrokenKernelIsFound(t *testing.T) {
	breaks := map[string][2]string{ // kernel: text and what replaces it
		"rmsnorm":        {"scale * w[i]", "scale"},
		"linear_tile":    {"ws[at + 1u] = w[1]", "ws[at + 1u] = w[0]"},
		"attention_tile": {"key < min(end, seen", "key <= min(end, seen"},
		"attention_vec":  {"+ key % PAGE", "+ lane % PAGE / 2u"},
		"argmax":         {"i < indices[lane]", "i > indices[lane]"},
	}
	for kernel, b := range breaks {
		d := open(t, gpu.Options{Shaders: edited(t, kernel+".wgsl", b[0], b[1])})
		var found []string
		ran := map[string]int{}
		for _, c := range Checks() {
			if ran[c.Kernel]++; c.Kernel != kernel && ran[c.Kernel] > 3 {
				continue // a few of the others will do
			}
			if err := c.Run(d); err != nil && !slices.Contains(found, c.Kernel) {
				found = append(found, c.Kernel)
			}
		}
		if !slices.Equal(found, []string{kernel}) {
			t.Errorf("with %s broken, %v fail", kernel, found)
		}
	}
}

// A kernel that does not compile is a CompileError with the file and line.
func TestCompileError(t *testing.T) {
	d := open(t, gpu.Options{Shaders: edited(t, "rmsnorm.wgsl", "var squares = 0.0;", "var squares = nonsense;")})
	var compile *gpu.CompileError
	err := rmsnormChecks()[0].Run(d)
	if !errors.As(err, &compile) || !strings.HasPrefix(compile.File, "shaders/rmsnorm.wgsl:") || compile.Kernel != "rmsnorm" {
		t.Errorf("error is %v", err)
	}
}

// edited returns the kernels with one text of one file replaced.
func edited(t *testing.T, file, old, new string) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	err := fs.WalkDir(shaders.Embedded(), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(shaders.Embedded(), path)
		if path == file {
			if !strings.Contains(string(data), old) {
				t.Fatalf("%s does not contain %q", file, old)
			}
			data = []byte(strings.ReplaceAll(string(data), old, new))
		}
		files[path] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
