package gpu

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/mem"
)

// Memory returns how many bytes an adapter has and how many of them nobody uses,
// and who said so. WebGPU itself does not tell, so this asks the system: zeros
// and "" mean that it does not tell either. Software and integrated adapters
// share the system's memory; others are looked up by their vendor.
func Memory(i Info) (total, free uint64, source string) {
	return memory(i, system{mem.VirtualMemory, nvidiaSMI, "/sys/class/drm", "/sys/fs/cgroup"})
}

// A system is where memory is asked after.
type system struct {
	virtual func() (*mem.VirtualMemoryStat, error)
	smi     func() (string, error)
	drm     string // directory of the kernel's graphics cards
	cgroup  string // directory of the limits of a container
}

func memory(i Info, s system) (total, free uint64, source string) {
	switch {
	case i.Software() || i.Kind == "integrated":
		if v, err := s.virtual(); err == nil && v.Total > 0 {
			total, free = contained(s.cgroup, v.Total, v.Available)
			return total, free, "system memory"
		}
	case strings.Contains(strings.ToLower(i.Name+i.Vendor), "nvidia"):
		if text, err := s.smi(); err == nil {
			total, free = parseSMI(text, i.Name)
			source = "nvidia-smi"
		}
	default:
		total, free = largestCard(s.drm)
		source = "the kernel's driver"
	}
	if total == 0 {
		return 0, 0, ""
	}
	return total, min(free, total), source
}

// contained lowers the system's memory to the limit of a container, of which the
// pages of files can be had back (Linux, cgroup v2).
func contained(dir string, total, free uint64) (uint64, uint64) {
	limit, err := readNumber(filepath.Join(dir, "memory.max"))
	used, err2 := readNumber(filepath.Join(dir, "memory.current"))
	if err != nil || err2 != nil || limit >= total {
		return total, free // no container, or "max"
	}
	stat, _ := os.ReadFile(filepath.Join(dir, "memory.stat"))
	for line := range strings.Lines(string(stat)) {
		if n, ok := strings.CutPrefix(line, "inactive_file "); ok {
			files, _ := strconv.ParseUint(strings.TrimSpace(n), 10, 64)
			used -= min(used, files)
		}
	}
	return limit, min(free, limit-min(limit, used))
}

// smiTimeout bounds a tool that hangs where the driver does.
const smiTimeout = 2 * time.Second

// nvidiaSMI asks NVIDIA's tool, if it is installed.
func nvidiaSMI() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), smiTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, "nvidia-smi", "--query-gpu=name,memory.total,memory.used", "--format=csv,noheader,nounits").Output()
	return string(out), err
}

// parseSMI reads lines of name, MiB in all and MiB used, and returns the bytes
// of the card of that name, of several the one with most room, or else of the
// only card there is.
func parseSMI(text, name string) (total, free uint64) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for _, line := range lines {
		fields := strings.Split(line, ",")
		if len(fields) != 3 || len(lines) > 1 && !strings.Contains(name, strings.TrimSpace(fields[0])) {
			continue
		}
		all, err1 := strconv.ParseUint(strings.TrimSpace(fields[1]), 10, 40)
		used, err2 := strconv.ParseUint(strings.TrimSpace(fields[2]), 10, 40)
		if err1 != nil || err2 != nil || used > all {
			continue // "[N/A]", where memory is the system's
		}
		if left := (all - used) << 20; total == 0 || left > free {
			total, free = all<<20, left
		}
	}
	return total, free
}

// largestCard returns the memory of the card with most of it, which is the
// discrete one, where its driver tells it in these files, as amdgpu does.
func largestCard(drm string) (total, free uint64) {
	paths, _ := filepath.Glob(filepath.Join(drm, "card*", "device", "mem_info_vram_total"))
	for _, path := range paths {
		all, err1 := readNumber(path)
		used, err2 := readNumber(strings.TrimSuffix(path, "total") + "used")
		if err1 == nil && err2 == nil && all > total && used <= all {
			total, free = all, all-used
		}
	}
	return total, free
}

func readNumber(path string) (uint64, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64)
}
