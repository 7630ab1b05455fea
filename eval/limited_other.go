//go:build !unix

package eval

import (
	"context"
	"errors"
	"os/exec"
)

// limited refuses: this system has no bounds that we could set.
func limited(context.Context, string) (*exec.Cmd, error) {
	return nil, errors.New("running a model's code within bounds needs Linux, macOS or WSL")
}
