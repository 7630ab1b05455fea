package gpu

import (
	"errors"
	"fmt"
	"runtime"
)

// ErrNoAdapter means that no WebGPU adapter was found at all.
var ErrNoAdapter = errors.New("gpu: no adapter found; " + driverAdvice())

func driverAdvice() string {
	switch runtime.GOOS {
	case "windows":
		return "install your GPU's driver, from who made it: it brings Direct3D 12 and Vulkan"
	case "darwin":
		return "it needs a Mac whose GPU has Metal"
	}
	return "install your GPU's Vulkan driver, or a software one (Debian, Ubuntu: apt-get install mesa-vulkan-drivers)"
}

// An OutOfMemoryError reports a buffer that could not be had, or an operation
// that found no memory.
type OutOfMemoryError struct {
	What   string // the tensor; "" for an operation
	Bytes  uint64 // its size
	Reason string
}

func (e *OutOfMemoryError) Error() string {
	if e.What == "" {
		return "out of GPU memory: " + e.Reason
	}
	return fmt.Sprintf("out of GPU memory: %s needs %s: %s", e.What, Size(e.Bytes), e.Reason)
}

// A DeviceLostError means that the device is gone (driver reset, watchdog,
// unplugged): nothing on it can be used again.
type DeviceLostError struct{ Message string }

func (e *DeviceLostError) Error() string {
	return "GPU device lost: " + e.Message + "; try again, and if it is lost again, update its driver or use another adapter"
}

// A CompileError is a kernel that the WGSL compiler or the driver refused.
type CompileError struct {
	Kernel  string // the variant
	File    string // file and line, for example "shaders/rmsnorm.wgsl:29"
	Message string
}

func (e *CompileError) Error() string {
	return fmt.Sprintf("compile %s: %s: %s", e.Kernel, e.File, e.Message)
}

// A ShapeError is a call of a kernel with tensors that do not fit together.
type ShapeError struct {
	Scope   string // where in the pass
	Kernel  string
	File    string // the kernel's file
	Message string
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("gpu: %s: %s (%s): shapes do not fit: %s", e.Scope, e.Kernel, e.File, e.Message)
}

// Size prints a number of bytes with a binary unit, for example "1.5 GiB".
func Size(bytes uint64) string {
	if bytes < 1024 {
		return fmt.Sprintf("%d B", bytes)
	}
	v, unit := float64(bytes), -1
	for v >= 1024 && unit < 4 {
		v /= 1024
		unit++
	}
	return fmt.Sprintf("%.4g %ciB", v, "KMGTP"[unit])
}
