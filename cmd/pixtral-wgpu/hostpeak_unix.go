//go:build unix

package main

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// hostPeak is the most memory of this process that was resident at once.
func hostPeak() uint64 {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return uint64(u.Maxrss)
	}
	return uint64(u.Maxrss) << 10 // elsewhere it is in KiB
}
