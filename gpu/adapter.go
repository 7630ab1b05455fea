package gpu

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/oliverbestmann/webgpu/wgpu"
)

// Info describes an adapter.
type Info struct {
	Index   int    `json:"index"` // place in the list of Adapters
	Name    string `json:"name"`
	Vendor  string `json:"vendor"`
	Kind    string `json:"kind"`    // "discrete", "integrated", "cpu" or "unknown"
	Backend string `json:"backend"` // "vulkan", "metal", "d3d12"
	Driver  string `json:"driver"`
	Limits  Limits `json:"limits"`

	Features []string `json:"features"` // those of interest here
}

// Software reports whether the adapter runs on the CPU.
func (i Info) Software() bool { return i.Kind == "cpu" }

func (i Info) String() string {
	return fmt.Sprintf("%s (%s, %s)", i.Name, i.Kind, i.Backend)
}

// Limits holds what bounds our kernels and buffers.
type Limits struct {
	BufferBytes    uint64 `json:"buffer_bytes"`    // of one buffer
	BindingBytes   uint64 `json:"binding_bytes"`   // of one storage binding
	WorkgroupBytes uint64 `json:"workgroup_bytes"` // of var<workgroup> in a kernel
	Invocations    int    `json:"invocations"`     // of a workgroup
	Groups         int    `json:"groups"`          // workgroups in a dimension of a dispatch
	Bindings       int    `json:"bindings"`        // storage buffers that a kernel may bind
}

// defaultLimits is what WebGPU promises everywhere (W3C WebGPU, 3.6.2).
var defaultLimits = Limits{256 << 20, 128 << 20, 16 << 10, 256, 65535, 8}

var features = []struct {
	name    string
	feature wgpu.FeatureName
}{
	{"timestamp-query", wgpu.FeatureNameTimestampQuery},
	{"shader-f16", wgpu.FeatureNameShaderF16},
	{"subgroup", 0x30021}, // WGPUNativeFeature_Subgroup
}

// cooperative is WGPUNativeFeature_CooperativeMatrix. An adapter that has it does
// not say of what sizes; a device has it under the name of the size in use.
const cooperative wgpu.FeatureName = 0x3003B

// wants returns the features to request, with those that an adapter may lack or
// without, and matrices of a size if it is not 0; and their names.
func (a adapter) wants(all bool, matrices int) (list []wgpu.FeatureName, names map[string]bool) {
	names = map[string]bool{}
	for _, f := range features {
		if a.raw.HasFeature(f.feature) && (all || f.feature == wgpu.FeatureNameTimestampQuery) {
			list = append(list, f.feature)
			names[f.name] = true
		}
	}
	if matrices > 0 && canCooperate {
		list = append(list, cooperative)
		names[MatrixFeature(matrices)] = true
	}
	return list, names
}

// Cooperative is the feature of an adapter that has cooperative matrices, in
// builds with the tag coopmat.
const Cooperative = "cooperative-matrix"

// MatrixFeature names the feature of cooperative matrices of a size.
func MatrixFeature(size int) string { return fmt.Sprintf("cooperative-matrix-%d", size) }

// WGPUInstanceBackend_Vulkan, _Metal and _DX12 of wgpu.h, which the bindings do
// not name. OpenGL has no storage buffers to speak of.
const backends wgpu.InstanceBackend = 1<<0 | 1<<2 | 1<<3

type adapter struct {
	instance *wgpu.Instance
	raw      *wgpu.Adapter
	info     Info
	texels   bool // reads storage textures faster than buffers
}

// halves reports whether the adapter knows WGSL's functions for half floats. All
// do but Mesa's llvmpipe on processors without halves, which wgpu refuses them.
func (a *adapter) halves() bool {
	return !strings.HasPrefix(a.info.Name, "llvmpipe") || slices.Contains(a.info.Features, "shader-f16")
}

// Adapters lists the adapters in the order they are preferred: discrete,
// integrated, CPU; of equals, Vulkan and Metal before others.
func Adapters() ([]Info, error) {
	list, err := adapters()
	infos := make([]Info, len(list))
	for i, a := range list {
		infos[i] = a.info
	}
	return infos, err
}

func adapters() ([]adapter, error) {
	// Mesa's layer that reorders devices asks the display server first, and
	// complains on stderr where there is none. We choose ourselves.
	if os.Getenv("NODEVICE_SELECT") == "" {
		os.Setenv("NODEVICE_SELECT", "1")
	}
	inst := wgpu.CreateInstance(&wgpu.InstanceDescriptor{Backends: backends})
	var list []adapter
	for _, raw := range inst.EnumerateAdapters(nil) {
		list = append(list, adapter{inst, raw, describe(raw), readsTexels(raw)})
	}
	if len(list) == 0 {
		return nil, ErrNoAdapter
	}
	kinds := []string{"discrete", "integrated", "unknown", "cpu"}
	rank := func(i Info) int {
		r := 2 * slices.Index(kinds, i.Kind)
		if i.Backend == "d3d12" {
			r++
		}
		return r
	}
	slices.SortStableFunc(list, func(a, b adapter) int { return cmp.Compare(rank(a.info), rank(b.info)) })
	for i := range list {
		list[i].info.Index = i
	}
	return list, nil
}

func describe(raw *wgpu.Adapter) Info {
	in, l := raw.GetInfo(), raw.GetLimits()
	info := Info{
		Name: in.Device, Vendor: in.Vendor, Driver: in.Description,
		Kind: map[wgpu.AdapterType]string{
			wgpu.AdapterTypeDiscreteGPU: "discrete", wgpu.AdapterTypeIntegratedGPU: "integrated", wgpu.AdapterTypeCPU: "cpu",
		}[in.AdapterType],
		Backend: map[wgpu.BackendType]string{
			wgpu.BackendTypeVulkan: "vulkan", wgpu.BackendTypeMetal: "metal", wgpu.BackendTypeD3D12: "d3d12",
		}[in.BackendType],
		Limits: Limits{
			BufferBytes: l.MaxBufferSize, BindingBytes: l.MaxStorageBufferBindingSize,
			WorkgroupBytes: uint64(l.MaxComputeWorkgroupStorageSize),
			Invocations:    int(l.MaxComputeInvocationsPerWorkgroup),
			Groups:         int(l.MaxComputeWorkgroupsPerDimension),
			Bindings:       int(l.MaxStorageBuffersPerShaderStage),
		},
	}
	info.Kind, info.Backend = cmp.Or(info.Kind, "unknown"), cmp.Or(info.Backend, "unknown")
	for _, f := range features {
		if raw.HasFeature(f.feature) {
			info.Features = append(info.Features, f.name)
		}
	}
	if canCooperate && raw.HasFeature(cooperative) {
		info.Features = append(info.Features, Cooperative)
	}
	return info
}

// choose picks the adapter that want names: by index, by a part of its name in
// any case, or the first if want is empty.
func choose(list []adapter, want string) (adapter, error) {
	if want == "" {
		return list[0], nil
	}
	if i, err := strconv.Atoi(want); err == nil && i >= 0 && i < len(list) {
		return list[i], nil
	}
	var names []string
	for _, a := range list {
		if strings.Contains(strings.ToLower(a.info.Name), strings.ToLower(want)) {
			return a, nil
		}
		names = append(names, fmt.Sprintf("%d: %v", a.info.Index, a.info))
	}
	return adapter{}, fmt.Errorf("gpu: no adapter is called %q; there is %s", want, strings.Join(names, "; "))
}
