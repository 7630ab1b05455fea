package gpu

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Whatever call the driver gives the device up at, it is an error, and so is
// memory that it does not give. Each case is a process of its own: a failure
// would end it.
func TestDriverLosesDevice(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the layer that loses the device is built for Linux")
	}
	home := t.TempDir()
	dir := filepath.Join(home, "vulkan", "implicit_layer.d")
	check(t, os.MkdirAll(dir, 0o777))
	layer := filepath.Join(home, "losing.so")
	if out, err := exec.Command("cc", "-shared", "-fPIC", "-o", layer, "testdata/losing_layer.c").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	check(t, os.WriteFile(filepath.Join(dir, "losing.json"), []byte(`{"file_format_version": "1.1.2", "layer": {
		"name": "VK_LAYER_TEST_losing", "type": "INSTANCE", "library_path": "`+layer+`", "api_version": "1.3.0",
		"implementation_version": "1", "description": "loses the device",
		"enable_environment": {"PIXTRAL_LOSING": "1"}, "disable_environment": {"PIXTRAL_NOT_LOSING": "1"}}}`), 0o666))

	for failure, want := range map[string]string{
		"PIXTRAL_LOSE_SUBMIT=1": "lost", "PIXTRAL_LOSE_SUBMIT=2": "lost", "PIXTRAL_LOSE_SUBMIT=4": "lost", "PIXTRAL_LOSE_SUBMIT=1000": "done",
		"PIXTRAL_LOSE_WAIT=1": "lost", "PIXTRAL_LOSE_WAIT=2": "lost", "PIXTRAL_LOSE_WAIT=4": "lost", "PIXTRAL_NO_MEMORY=1": "memory",
	} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestComputeUnderLayer$", "-test.v")
		cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+home, "PIXTRAL_LOSING=1", failure)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "ends: "+want) {
			t.Errorf("%s: %v, want %q:\n%s", failure, err, want, out)
		}
	}
}

// TestComputeUnderLayer computes for a while and reports how that ends.
func TestComputeUnderLayer(t *testing.T) {
	if os.Getenv("PIXTRAL_LOSING") == "" {
		return // TestDriverLosesDevice runs it
	}
	err := compute()
	var lost *DeviceLostError
	var memory *OutOfMemoryError
	switch {
	case err == nil:
		t.Log("ends: done")
	case errors.As(err, &lost):
		t.Log("ends: lost,", err)
	case errors.As(err, &memory):
		t.Log("ends: memory,", err)
	default:
		t.Error(err)
	}
	runtime.GC() // what is left behind is finalized
}

func compute() error {
	d, err := Open(Options{})
	if err != nil {
		return err
	}
	defer d.Close()
	for range 5 {
		x, err := d.UploadFloats("x", []float32{1, 2, 3, 4}, 4)
		if err != nil {
			return err
		}
		y, err := d.New("y", F32, 4)
		if err != nil {
			return err
		}
		r := d.Record()
		add(r, y, x)
		if err := r.Submit(); err != nil {
			return err
		}
		if _, err := d.Floats(y); err != nil {
			return err
		}
		d.Free(x, y)
	}
	return nil
}
