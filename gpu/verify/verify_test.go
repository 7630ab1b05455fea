package verify

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"pixtral-wgpu/gpu"
	"pixtral-wgpu/gpu/ops"
	"pixtral-wgpu/gpu/ref"
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
				if !c.Runs(d) {
					continue
				}
				if err := c.Run(d); err != nil {
					t.Errorf("%v: %v", c, err)
				}
			}
			d.FreeScratch()
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

// Attention over the patches of the largest image takes no more memory than its
// arguments, but for 64 MiB, and is right there too.
func TestAttentionOfLargestImage(t *testing.T) {
	const patches, heads, dim, most = 4096, 1, 32, 64 << 20
	for name, o := range map[string]gpu.Options{"full limits": {}, "default limits": {DefaultLimits: true, Plain: true}} {
		err := on(open(t, o), func(b *bench) error {
			qs, ks, vs := noise(1, patches*heads*dim), noise(2, patches*heads*dim), noise(3, patches*heads*dim)
			q, k, v := b.floats("q", qs, patches, heads*dim), b.floats("k", ks, patches, heads*dim), b.floats("v", vs, patches, heads*dim)
			y := b.poisoned("y", patches, heads*dim)
			rows, pages := ops.InOrder(0, patches, true)
			seats := b.seats(rows, pages)
			before, _ := b.d.Used()
			b.run(func(r *gpu.Recorder) {
				ops.Attention(r, y, q, k, v, gpu.Tensor{}, seats, ops.Stretch{To: patches, Keys: patches}, dim)
			})
			if _, peak := b.d.Used(); peak-before > most {
				t.Errorf("%s: %s beside q, k, v and y", name, gpu.Size(peak-before))
			}
			got := b.result(y, func(*gpu.Recorder) {})
			if b.err != nil {
				return b.err
			}
			for _, row := range []int{0, 1, 2047, 4095} {
				at := row * heads * dim
				want := ref.Attention(qs[at:at+heads*dim], ks, vs, heads, heads, dim, false, 0)
				if err := near(got[at:at+heads*dim], want, 1e-10); err != nil {
					return fmt.Errorf("row %d: %w", row, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A kernel broken on purpose is found by name, and only it.
func TestBrokenKernelIsFound(t *testing.T) {
	breaks := map[string][2]string{ // kernel: text and what replaces it
		"rmsnorm":         {"scale * w[i]", "scale"},
		"linear_tile":     {"ws[at + 1u] = w[1]", "ws[at + 1u] = w[0]"},
		"attention_tile":  {"key < min(rows.end, seen", "key <= min(rows.end, seen"},
		"attention_block": {"query_of(rows, 4u * f + 1u)", "query_of(rows, 4u * f + 2u)"},
		"attention_vec":   {"+ key % PAGE", "+ lane % PAGE / 2u"},
		"argmax":          {"i < indices[lane]", "i > indices[lane]"},
	}
	for kernel, b := range breaks {
		d := open(t, gpu.Options{Shaders: edited(t, kernel+".wgsl", b[0], b[1])})
		var found []string
		ran := map[string]int{}
		for _, c := range Checks() {
			if ran[c.Kernel]++; !c.Runs(d) || c.Kernel != kernel && ran[c.Kernel] > 3 {
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
