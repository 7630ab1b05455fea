//go:build unix

package eval

import (
	"context"
	"os/exec"
	"syscall"
	"time"
)

// bounds are set by a shell before Python starts: 4 s of processor, 2 GiB of
// memory, files of 16 MiB, 64 processes, no core.
const bounds = "ulimit -c 0 -t 4 -v 2097152 -f 32768 2>/dev/null; ulimit -u 64 2>/dev/null; "

// limited returns a command that runs a Python program within bounds, without
// a network where the system lets a user make a name space of their own, and
// whose whole process group dies with the context.
func limited(ctx context.Context, file string) (*exec.Cmd, error) {
	script := bounds + `if unshare -rn true 2>/dev/null; then exec unshare -rn python3 -I "$0"; else exec python3 -I "$0"; fi`
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", script, file)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	if _, err := exec.LookPath("python3"); err != nil {
		return nil, err
	}
	return cmd, nil
}
