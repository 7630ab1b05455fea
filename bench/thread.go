//go:build !linux

package bench

import "time"

// threadTime is the CPU time of a thread, which is not asked for here.
func threadTime() time.Duration { return 0 }
