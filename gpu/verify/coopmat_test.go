//go:build coopmat

package verify

import (
	"slices"
	"strings"
	"testing"

	"pixtral-wgpu/gpu"
)

// Cooperative matrices of 8 by 8, on the software adapter of Mesa 25 and newer;
// other adapters are tested by the program itself before it uses them. Unlike
// everything else this is skipped where the adapter lacks what is tested: few have
// it, and none that CI has by default.
func TestMatrices(t *testing.T) {
	list, err := gpu.Adapters()
	if err != nil {
		t.Fatal(err)
	}
	if !list[0].Software() || !slices.Contains(list[0].Features, gpu.Cooperative) {
		t.Skipf("%v with %v has no cooperative matrices of 8 by 8", list[0], list[0].Features)
	}
	d := open(t, gpu.Options{Matrices: 8})
	ran := 0
	for _, c := range Checks() {
		if strings.HasSuffix(c.Kernel, "_matrices_8") {
			ran++
			if err := c.Run(d); err != nil {
				t.Errorf("%v: %v", c, err)
			}
		}
	}
	if ran < 30 || !d.Has(gpu.MatrixFeature(8)) {
		t.Errorf("%d checks ran", ran)
	}
}
