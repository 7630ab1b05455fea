// Command pixtral-wgpu asks Pixtral about pictures, on any WebGPU adapter.
//
// Standard output is the answer, standard error everything else. It exits with
// 0 when done, 1 when it failed and 2 when it was misused.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal ends the program as if nobody caught it
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// The exit codes.
const (
	done    = 0
	failed  = 1
	misused = 2
)

// run is the program, with nothing of the process but what it is given.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	out := &output{Writer: stdout}
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(out)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	err = cmp.Or(err, out.err)
	var wrong *misuseError
	switch {
	case err == nil:
		return done
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "pixtral-wgpu: %v\nSee \"%s --help\".\n", err, cmd.CommandPath())
		return misused
	case ctx.Err() != nil:
		err = errors.New("interrupted")
	}
	fmt.Fprintf(stderr, "pixtral-wgpu: %v\n", err)
	return failed
}

// An output remembers the first error of writing to it: an answer that is lost
// on a full disk is not done, whoever wrote it.
type output struct {
	io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	o.err = cmp.Or(o.err, err)
	return n, err
}

// Fd returns the file's descriptor, or none, by which isTerminal knows it.
func (o *output) Fd() uintptr {
	if f, ok := o.Writer.(interface{ Fd() uintptr }); ok {
		return f.Fd()
	}
	return ^uintptr(0)
}

// A misuseError is a command line that makes no sense.
type misuseError struct{ err error }

func (e *misuseError) Error() string { return e.err.Error() }

func misuse(format string, args ...any) error {
	return &misuseError{fmt.Errorf(format, args...)}
}
