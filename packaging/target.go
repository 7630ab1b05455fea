package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
)

// A target is a system that the program is built for. Its C compiler is what
// Debian and Ubuntu call it; a Mac's own compiles for both of its processors,
// and there is none for Macs elsewhere, for Apple's frameworks come with it.
type target struct {
	system, arch string
	cc           string // on a machine of another kind
	flags        string // of the C linker
	tags         string
}

var targetsByName = map[string]target{
	"linux/amd64": {"linux", "amd64", "x86_64-linux-gnu-gcc", "", ""},
	"linux/arm64": {"linux", "arm64", "aarch64-linux-gnu-gcc", "", ""},
	// Neither a date inside nor libraries of the compiler's; GLFW needs nothing that is not there.
	"windows/amd64": {"windows", "amd64", "x86_64-w64-mingw32-gcc", "-static -Wl,--no-insert-timestamp", "viewer"},
	"darwin/amd64":  {"darwin", "amd64", "", "", "viewer"},
	"darwin/arm64":  {"darwin", "arm64", "", "", "viewer"},
}

// program returns the name of the program's file.
func (t target) program() string {
	if t.system == "windows" {
		return "pixtral-wgpu.exe"
	}
	return "pixtral-wgpu"
}

// ending returns the ending of the archive's name.
func (t target) ending() string {
	if t.system == "windows" {
		return ".zip"
	}
	return ".tar.gz"
}

// environment is that of go commands for the target.
func (t target) environment() []string {
	env := append(os.Environ(), "GOOS="+t.system, "GOARCH="+t.arch, "CGO_ENABLED=1")
	if t.cc != "" && (t.system != runtime.GOOS || t.arch != runtime.GOARCH) {
		env = append(env, "CC="+t.cc)
	}
	return env
}

// compile builds the program for a target.
func (b *build) compile(t target, path string) error {
	if t.system == "darwin" && runtime.GOOS != "darwin" {
		return fmt.Errorf("it is built on a Mac only, where Apple's frameworks are")
	}
	flags := "-s -w " + b.stamp()
	if t.flags != "" {
		flags += " '-extldflags=" + t.flags + "'"
	}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags", t.tags, "-ldflags", flags, "-o", path, "./cmd/pixtral-wgpu")
	cmd.Env = t.environment()
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// stamp is what tells the linker the program's version.
func (b *build) stamp() string {
	return "-X main.release=" + b.version + " -X main.commit=" + b.commit
}
