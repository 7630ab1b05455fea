package gpu

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/shirou/gopsutil/v4/mem"
)

func TestMemory(t *testing.T) {
	drm := t.TempDir()
	for name, numbers := range map[string][2]string{"card0": {"536870912\n", "1000\n"}, "card1": {"8573157376\n", "73157376\n"}, "card2": {"none", "1"}} {
		dir := filepath.Join(drm, name, "device")
		check(t, os.MkdirAll(dir, 0o777))
		check(t, os.WriteFile(filepath.Join(dir, "mem_info_vram_total"), []byte(numbers[0]), 0o666))
		check(t, os.WriteFile(filepath.Join(dir, "mem_info_vram_used"), []byte(numbers[1]), 0o666))
	}
	smi := func(text string) func() (string, error) { return func() (string, error) { return text, nil } }
	none := func() (string, error) { return "", errors.New("not installed") }
	virtual := func() (*mem.VirtualMemoryStat, error) {
		return &mem.VirtualMemoryStat{Total: 100, Available: 60}, nil
	}
	failing := func() (*mem.VirtualMemoryStat, error) { return nil, errors.New("no /proc") }
	nvidia := Info{Name: "NVIDIA GeForce RTX 4070", Kind: "discrete"}
	container := t.TempDir()
	for name, text := range map[string]string{"memory.max": "50\n", "memory.current": "30\n", "memory.stat": "anon 10\ninactive_file 8\n"} {
		check(t, os.WriteFile(filepath.Join(container, name), []byte(text), 0o666))
	}
	tests := []struct {
		why         string
		info        Info
		system      system
		total, free uint64
		source      string
	}{
		{"software", Info{Kind: "cpu"}, system{virtual, none, drm, ""}, 100, 60, "system memory"},
		{"software in a container", Info{Kind: "cpu"}, system{virtual, none, drm, container}, 50, 28, "system memory"},
		{"integrated, of any vendor", Info{Kind: "integrated", Vendor: "NVIDIA"}, system{virtual, none, drm, ""}, 100, 60, "system memory"},
		{"a system that does not tell", Info{Kind: "cpu"}, system{failing, none, drm, ""}, 0, 0, ""},
		{"one card, whatever it calls itself", nvidia, system{virtual, smi("RTX, 12282, 282\n"), drm, ""}, 12282 << 20, 12000 << 20, "nvidia-smi"},
		{"two, by name", nvidia, system{virtual, smi("NVIDIA H200, 143771, 0\nNVIDIA GeForce RTX 4070, 12282, 282\n"), drm, ""}, 12282 << 20, 12000 << 20, "nvidia-smi"},
		{"two equals, the emptier", nvidia, system{virtual, smi("NVIDIA GeForce RTX 4070, 12282, 9000\nNVIDIA GeForce RTX 4070, 12282, 282\n"), drm, ""}, 12282 << 20, 12000 << 20, "nvidia-smi"},
		{"memory that is the system's", nvidia, system{virtual, smi("NVIDIA GB10, [N/A], [N/A]\n"), drm, ""}, 0, 0, ""},
		{"more used than there is", nvidia, system{virtual, smi("x, 1, 2\n"), drm, ""}, 0, 0, ""},
		{"without NVIDIA's tool", nvidia, system{virtual, none, drm, ""}, 0, 0, ""},
		{"AMD", Info{Name: "AMD Radeon RX 7600", Kind: "discrete"}, system{virtual, none, drm, ""}, 8573157376, 8500000000, "the kernel's driver"},
		{"another system", Info{Name: "AMD Radeon RX 7600", Kind: "discrete"}, system{virtual, none, "nowhere", ""}, 0, 0, ""},
	}
	for _, test := range tests {
		total, free, source := memory(test.info, test.system)
		if total != test.total || free != test.free || source != test.source {
			t.Errorf("%s: %d of %d free by %q, want %d of %d by %q", test.why, free, total, source, test.free, test.total, test.source)
		}
	}
}

// The adapter of the tests tells something plausible, or nothing at all.
func TestMemoryHere(t *testing.T) {
	list, err := Adapters()
	check(t, err)
	for _, a := range list {
		total, free, source := Memory(a)
		if free > total || (total == 0) != (source == "") || total > 0 && total < 64<<20 {
			t.Errorf("%v has %d bytes, %d of them free, by %q", a, total, free, source)
		}
	}
}
