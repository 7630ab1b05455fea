package verify

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"pixtral-wgpu/gpu"
)

// widened are the kernels that are checked with subgroups of other widths than the
// software adapter's eight.
var widened = []string{"attention_split_subgroup", "linear_subgroup", "linear_lane", "rmsnorm_subgroup"}

// Nothing assumes how wide a subgroup is: Mesa's llvmpipe is told to compute with
// vectors of 128 and 512 bits, in a process for each, where subgroups have 4 and 16
// lanes.
func TestSubgroupWidths(t *testing.T) {
	const child = "PIXTRAL_WGPU_WIDTHS_CHILD"
	if os.Getenv(child) == "" {
		for _, bits := range []string{"128", "512"} {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSubgroupWidths$", "-test.v")
			cmd.Env = append(os.Environ(), child+"=1", "LP_NATIVE_VECTOR_WIDTH="+bits)
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS") {
				t.Errorf("vectors of %s bits: %v\n%s", bits, err, out)
			}
		}
		return
	}
	d := open(t, gpu.Options{})
	for _, c := range Checks() {
		if slices.Contains(widened, c.Kernel) && c.Runs(d) {
			if err := c.Run(d); err != nil {
				t.Errorf("%v: %v", c, err)
			}
		}
	}
}
