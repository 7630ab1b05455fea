package gpu

import (
	"fmt"
	"strings"
)

// A Use is what a kernel is chosen for.
type Use struct {
	Op     string `json:"op"`               // as the package that records it calls it
	Format string `json:"format,omitempty"` // of the weights, or of keys and values; "" if there are none
}

// A Way is a kernel and what it leaves open; what is 0 is as the kernel has it.
type Way struct {
	Kernel string `json:"kernel"`
	Lanes  int    `json:"lanes,omitempty"` // invocations of a workgroup
	Rows   int    `json:"rows,omitempty"`  // results that one of them, or all together, work on; keys of a split
}

// Prefer makes d compute so from now on. Who prefers a way has compared its
// results and its time with others on this device; until then each operation has
// a way that is right everywhere.
func (d *Device) Prefer(u Use, w Way) {
	d.ways[u] = w
	d.version++
}

// Preferred returns the way that d prefers; none if it has no preference.
func (d *Device) Preferred(u Use) Way { return d.ways[u] }

// Has reports whether a feature of Info.Features is in force.
func (d *Device) Has(feature string) bool { return d.features[feature] }

// SubgroupsOf reports whether kernels may use subgroups and all have so many lanes, as
// far as that is known: wgpu does not tell, but Mesa's llvmpipe does, by its name.
func (d *Device) SubgroupsOf(lanes int) bool {
	return d.Has("subgroup") && strings.HasPrefix(d.Info.Name, "llvmpipe") && strings.HasSuffix(d.Info.Name, fmt.Sprintf(", %d bits)", 32*lanes))
}

// Scratch returns a tensor for what lives no longer than the operation that is
// being recorded: one for each name, which grows, and which the device keeps.
func (d *Device) Scratch(name string, typ Type, rows, cols int) (Tensor, error) {
	held, ok := d.scratch[name]
	if ok && held.Type == typ && held.buf.size >= typ.Bytes(rows*cols) {
		held.Shape[0], held.Shape[1] = rows, cols
		return held, nil
	}
	if ok {
		delete(d.scratch, name)
		d.Free(held)
	}
	t, err := d.New(name, typ, rows, cols)
	if err == nil {
		d.scratch[name] = t
	}
	return t, err
}

// FreeScratch gives the memory of all Scratch back.
func (d *Device) FreeScratch() {
	for name, held := range d.scratch {
		delete(d.scratch, name)
		d.Free(held)
	}
}
