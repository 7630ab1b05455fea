// Command pixtral-wgpu asks Pixtral about pictures, on any WebGPU adapter.
//
// Standard output is the answer, standard error everything else. It exits with
// 0 when done, 1 when it failed and 2 when it was misused.
package main

import (
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
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
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

// A misuseError is a command line that makes no sense.
type misuseError struct{ err error }

func (e *misuseError) Error() string { return e.err.Error() }

func misuse(format string, args ...any) error {
	return &misuseError{fmt.Errorf(format, args...)}
}
