//go:build linux || darwin || freebsd

package hub

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// freeBytes is the space that this user may still fill on the disk of a folder.
func freeBytes(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil
}

func isFull(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

var errLocked = unix.EWOULDBLOCK

// tryLock takes a lock that the system drops with the file or the process.
func tryLock(file *os.File) error {
	return unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
}

// lastUse is when a file was last read, as far as its file system tells.
func lastUse(path string) time.Time {
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return time.Time{}
	}
	return time.Unix(s.Atim.Unix())
}
