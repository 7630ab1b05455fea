package gpu

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/oliverbestmann/webgpu/wgpu"

	"pixtral-wgpu/shaders"
)

// A kernel is a compiled variant with the bind groups it has been used with.
type kernel struct {
	name     string
	params   reflect.Type // of the caller's params, once they match the module's
	module   *shaders.Module
	pipeline *wgpu.ComputePipeline
	layout   *wgpu.BindGroupLayout
	groups   map[groupKey]*wgpu.BindGroup
}

// A groupKey is the ids of a group's buffers in order.
type groupKey [maxBindings]uint64

const maxBindings = 10 // storage buffers; WebGPU's defaults allow 8

// kernel returns the compiled v, compiling it on first use.
func (d *Device) kernel(asked *shaders.Variant) (*kernel, error) {
	if k := d.kernels[*asked]; k != nil {
		return k, nil
	}
	v := asked.Clone()
	k, err := d.compile(v)
	if err != nil {
		var lost *DeviceLostError
		var compile *CompileError
		if errors.As(err, &lost) || errors.As(err, &compile) {
			return nil, err
		}
		return nil, &CompileError{Kernel: v.String(), File: "shaders/" + v.Kernel + ".wgsl", Message: err.Error()}
	}
	d.kernels[v] = k
	return k, nil
}

func (d *Device) compile(v shaders.Variant) (*kernel, error) {
	m, err := shaders.Link(d.shaders, v)
	if err != nil {
		return nil, err
	}
	if d.options.Plain || !d.from.halves() {
		m = shaders.SoftHalves(m)
	}
	mod, err := d.module(m)
	if err != nil {
		return nil, located(m, err)
	}
	defer mod.Release()
	k := &kernel{name: v.String(), module: m, groups: map[groupKey]*wgpu.BindGroup{}}
	k.layout, err = d.dev.TryCreateBindGroupLayout(&wgpu.BindGroupLayoutDescriptor{Label: k.name, Entries: layoutEntries(m)})
	if err = d.check(err); err != nil {
		return nil, err
	}
	layout, err := d.dev.TryCreatePipelineLayout(&wgpu.PipelineLayoutDescriptor{Label: k.name, BindGroupLayouts: []*wgpu.BindGroupLayout{k.layout}})
	if err = d.check(err); err != nil {
		return nil, err
	}
	defer layout.Release()
	k.pipeline, err = d.dev.TryCreateComputePipeline(&wgpu.ComputePipelineDescriptor{
		Label: k.name, Layout: layout,
		Compute: wgpu.ProgrammableStageDescriptor{Module: mod, EntryPoint: v.Entry()},
	})
	if err = d.check(err); err != nil {
		return nil, located(m, err)
	}
	return k, nil
}

// module compiles WGSL: our own without checks at run time, unless the device
// is to be plain.
func (d *Device) module(m *shaders.Module) (*wgpu.ShaderModule, error) {
	label := m.Variant.String()
	if d.options.Shaders == nil && !d.options.Plain {
		mod := trustedModule(d.dev, label, m.Code)
		err := d.check(nil)
		if err != nil && mod != nil {
			mod.Release()
		}
		return mod, err
	}
	mod, err := d.dev.TryCreateShaderModule(&wgpu.ShaderModuleDescriptor{
		Label: label, WGSLSource: &wgpu.ShaderSourceWGSL{Code: m.Code},
	})
	return mod, d.check(err)
}

func layoutEntries(m *shaders.Module) []wgpu.BindGroupLayoutEntry {
	var entries []wgpu.BindGroupLayoutEntry
	for i, b := range m.Bindings {
		e := wgpu.BindGroupLayoutEntry{Binding: uint32(i), Visibility: wgpu.ShaderStageCompute}
		switch {
		case b.Uniform:
			e.Buffer = wgpu.BufferBindingLayout{Type: wgpu.BufferBindingTypeUniform, HasDynamicOffset: true}
		case b.Texels != "":
			access := wgpu.StorageTextureAccessReadOnly
			if b.Write {
				access = wgpu.StorageTextureAccessWriteOnly
			}
			e.StorageTexture = wgpu.StorageTextureBindingLayout{Access: access, Format: texelFormats[b.Texels].format, ViewDimension: wgpu.TextureViewDimension2D}
		case b.Write:
			e.Buffer.Type = wgpu.BufferBindingTypeStorage
		default:
			e.Buffer.Type = wgpu.BufferBindingTypeReadOnlyStorage
		}
		entries = append(entries, e)
	}
	return entries
}

var wgslLine = regexp.MustCompile(`wgsl:(\d+):\d+`)

// located turns a compiler's message into an error with the source file and line.
func located(m *shaders.Module, err error) error {
	if lost, ok := err.(*DeviceLostError); ok {
		return lost
	}
	line := 0
	if at := wgslLine.FindStringSubmatch(err.Error()); at != nil {
		line, _ = strconv.Atoi(at[1])
	}
	return &CompileError{Kernel: m.Variant.String(), File: m.Origin(line), Message: strings.TrimSpace(err.Error())}
}

// bind returns the bind group of a dispatch's tensors, made once.
func (k *kernel) bind(d *Device, what *Dispatch) (uintptr, error) {
	var key groupKey
	n, err := 0, error(nil)
	for i := range what.Read {
		n, err = key.add(n, &what.Read[i], err)
	}
	n, err = key.add(n, &what.Write, err)
	for i := range what.Group1 {
		n, err = key.add(n, &what.Group1[i], err)
	}
	for i := range what.Group2 {
		n, err = key.add(n, &what.Group2[i], err)
	}
	for i := range what.Group3 {
		n, err = key.add(n, &what.Group3[i], err)
	}
	if err != nil {
		return 0, err
	}
	if g := k.groups[key]; g != nil {
		return raw(g), nil
	}
	g, err := k.newGroup(d, what)
	if err != nil {
		return 0, err
	}
	k.groups[key] = g
	return raw(g), nil
}

// add makes t's the id at n of the key and returns what comes next, unless there
// is an error already.
func (k *groupKey) add(n int, t *Tensor, err error) (int, error) {
	switch {
	case err != nil:
		return n, err
	case t.buf == nil:
		return n, fmt.Errorf("tensor %s has no memory", t.String())
	case n == maxBindings:
		return n, fmt.Errorf("more than %d tensors", maxBindings)
	}
	k[n] = t.buf.id
	return n + 1, nil
}

func (k *kernel) newGroup(d *Device, what *Dispatch) (*wgpu.BindGroup, error) {
	var entries []wgpu.BindGroupEntry
	given := [4][]Tensor{append(copies(what.Read), what.Write.kept()), copies(what.Group1), copies(what.Group2), copies(what.Group3)}
	var taken [4]int
	for i, b := range k.module.Bindings {
		e := wgpu.BindGroupEntry{Binding: uint32(i)}
		list := given[b.Group]
		switch at := taken[b.Group]; {
		case b.Uniform:
			e.Buffer, e.Size = d.params.buf.raw, paramSlot
		case at == len(list):
			return nil, fmt.Errorf("group %d wants %s, got only %v", b.Group, b.Name, list)
		case b.Texels != "":
			e.TextureView = list[at].buf.texels.view
			taken[b.Group]++
		default:
			e.Buffer, e.Size = list[at].buf.raw, wgpu.WholeSize
			taken[b.Group]++
		}
		entries = append(entries, e)
	}
	for i, n := range taken {
		if n != len(given[i]) {
			return nil, fmt.Errorf("group %d has %d bindings for %v", i, n, given[i])
		}
	}
	g, err := d.dev.TryCreateBindGroup(&wgpu.BindGroupDescriptor{Label: k.name, Layout: k.layout, Entries: entries})
	return g, d.check(err)
}

// forget drops the bind groups that hold the buffer.
func (k *kernel) forget(id uint64) {
	for key, g := range k.groups {
		for _, held := range key {
			if held == id {
				g.Release()
				delete(k.groups, key)
				break
			}
		}
	}
}
