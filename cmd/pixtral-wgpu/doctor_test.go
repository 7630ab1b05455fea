package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pixtral-wgpu/gpu/verify"
	"pixtral-wgpu/model/reference"
	"pixtral-wgpu/shaders"
)

func TestDoctor(t *testing.T) {
	var d diagnosis
	okJSON(t, &d, "", "doctor", "--json")
	if len(d.Adapters) == 0 || d.Chosen == nil || d.InForce == nil || d.WGPUNative == "" || d.Why == "" || d.Verify != nil {
		t.Fatalf("%+v", d)
	}
	if a := d.Adapters[*d.Chosen]; a.Name == "" || a.Limits != *d.InForce || a.Memory.Free > a.Memory.Total {
		t.Errorf("%+v", a)
	}
	out := ok(t, "", "doctor", "--limits", "default", "--device", "0").out
	for _, fact := range []string{d.Adapters[0].Name, d.Adapters[0].Driver, "bindings 128 MiB", "   memory    ", "yes, as the one that --device 0 names"} {
		if !strings.Contains(out, fact) {
			t.Errorf("no %q in\n%s", fact, out)
		}
	}
}

// breakKernel writes the kernels into a directory, with one text of one of
// them replaced.
func breakKernel(t *testing.T, name, old, new string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, shaders.Embedded()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	text := read(t, path)
	if !strings.Contains(text, old) {
		t.Fatalf("%s does not contain %q", name, old)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, old, new)), fs.ModePerm); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A kernel that computes wrong is named, and what the pass makes of it.
func TestBrokenKernel(t *testing.T) {
	dir := breakKernel(t, "rmsnorm.wgsl", "scale * w[i]", "scale")
	r := px(t, "", "doctor", "--verify", "--only", "embed,rmsnorm", "--shaders", dir)
	if r.code != failed || r.err != "pixtral-wgpu: the kernel rmsnorm diverges (shaders/rmsnorm.wgsl)\n" {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	if strings.Count(r.out, "  FAIL  ") != 2 || !strings.Contains(r.out, "  ok    embed ") || !strings.Contains(r.out, "  FAIL  rmsnorm ") || !strings.Contains(r.out, "vision.0.ln_pre diverges") {
		t.Errorf("%s", r.out)
	}
}

// --only names kernels that there are, and what --verify is to do.
func TestVerifyOnly(t *testing.T) {
	for args, want := range map[string]string{
		"--verify --only embed,nonsense": `there is no kernel "nonsense"; there are `,
		"--only embed":                   "give both",
	} {
		if r := px(t, "", append([]string{"doctor"}, strings.Fields(args)...)...); r.code != misused || !strings.Contains(r.err, want) {
			t.Errorf("%s: exit code %d: %s", args, r.code, r.err)
		}
	}
}

// A kernel that does not compile is named with its file and line.
func TestKernelThatDoesNotCompile(t *testing.T) {
	f := deviceFlags{shaders: breakKernel(t, "gelu.wgsl", "fn gelu(", "fn gelu(nonsense "), limits: &choice{value: "full"}}
	d, err := f.open()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	k := kernelCheck{Kernel: "gelu"}
	for _, c := range verify.Checks() {
		if c.Kernel != k.Kernel {
			continue
		}
		if err := k.run(c, d); err != nil {
			t.Fatal(err)
		}
	}
	if k.Cases == 0 || k.Failed != k.Cases || !strings.Contains(k.Error, "shaders/gelu.wgsl:") {
		t.Errorf("%+v", k)
	}
}

// Every kernel is checked that does not need what this adapter may lack, and the pass.
func TestVerify(t *testing.T) {
	var d diagnosis
	okJSON(t, &d, "", "doctor", "--verify", "--json")
	kernels, err := shaders.Kernels(shaders.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	v := d.Verify
	if v == nil {
		t.Fatal("no verdict")
	}
	left := map[string]bool{} // kernels of which nothing is said
	for _, k := range kernels {
		left[k] = true
	}
	for _, c := range verify.Checks() {
		if c.Needs() != "" {
			delete(left, c.Kernel)
		}
	}
	for _, k := range v.Kernels {
		delete(left, k.Kernel)
	}
	if !v.OK || len(left) > 0 || v.Pass.Values == 0 || v.Pass.Worst > reference.Divergence {
		t.Errorf("not checked: %v; %+v", left, v)
	}
}
