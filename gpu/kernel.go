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
	layouts  []*wgpu.BindGroupLayout
	groups   map[groupKey]*wgpu.BindGroup
}

// A groupKey is a group's number and the ids of its buffers in order.
type groupKey [1 + maxBindings]uint64

const maxBindings = 8 // storage buffers a stage, by WebGPU's defaults

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
	for group := range 3 {
		if entries := layoutEntries(m, group); entries != nil {
			l, err := d.dev.TryCreateBindGroupLayout(&wgpu.BindGroupLayoutDescriptor{Label: k.name, Entries: entries})
			if err = d.check(err); err != nil {
				return nil, err
			}
			k.layouts = append(k.layouts, l)
		}
	}
	layout, err := d.dev.TryCreatePipelineLayout(&wgpu.PipelineLayoutDescriptor{Label: k.name, BindGroupLayouts: k.layouts})
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

func layoutEntries(m *shaders.Module, group int) []wgpu.BindGroupLayoutEntry {
	var entries []wgpu.BindGroupLayoutEntry
	for _, b := range m.Bindings {
		if b.Group != group {
			continue
		}
		e := wgpu.BindGroupLayoutEntry{Binding: uint32(b.Index), Visibility: wgpu.ShaderStageCompute}
		switch {
		case b.Uniform:
			e.Buffer = wgpu.BufferBindingLayout{Type: wgpu.BufferBindingTypeUniform, HasDynamicOffset: true}
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

// bind returns the bind group of the tensors, in binding order, made once. last
// may be none.
func (k *kernel) bind(d *Device, group int, list []Tensor, last Tensor) (uintptr, error) {
	n := len(list)
	if n >= maxBindings {
		return 0, fmt.Errorf("%d tensors in group %d; at most %d", n, group, maxBindings)
	}
	key := groupKey{uint64(group)}
	for i := range list {
		if list[i].buf == nil {
			return 0, fmt.Errorf("tensor %s has no memory", list[i].String())
		}
		key[1+i] = list[i].buf.id
	}
	if group == 0 {
		if last.buf == nil {
			return 0, fmt.Errorf("tensor %s has no memory", last.String())
		}
		key[1+n] = last.buf.id
	}
	if g := k.groups[key]; g != nil {
		return raw(g), nil
	}
	var all []Tensor
	for i := range list {
		all = append(all, list[i].kept())
	}
	if group == 0 {
		all = append(all, last.kept())
	}
	g, err := k.newGroup(d, group, all)
	if err != nil {
		return 0, err
	}
	k.groups[key] = g
	return raw(g), nil
}

func (k *kernel) newGroup(d *Device, group int, ts []Tensor) (*wgpu.BindGroup, error) {
	var entries []wgpu.BindGroupEntry
	next := 0
	for _, b := range k.module.Bindings {
		e := wgpu.BindGroupEntry{Binding: uint32(b.Index)}
		switch {
		case b.Group != group:
			continue
		case b.Uniform:
			e.Buffer, e.Size = d.params.buf.raw, paramSlot
		case next == len(ts):
			return nil, fmt.Errorf("group %d wants %s, got only %v", group, b.Name, ts)
		default:
			e.Buffer, e.Size = ts[next].buf.raw, wgpu.WholeSize
			next++
		}
		entries = append(entries, e)
	}
	if next != len(ts) {
		return nil, fmt.Errorf("group %d has %d bindings for %v", group, next, ts)
	}
	g, err := d.dev.TryCreateBindGroup(&wgpu.BindGroupDescriptor{Label: k.name, Layout: k.layouts[group], Entries: entries})
	return g, d.check(err)
}

// forget drops the bind groups that hold the buffer.
func (k *kernel) forget(id uint64) {
	for key, g := range k.groups {
		for _, held := range key[1:] {
			if held == id {
				g.Release()
				delete(k.groups, key)
				break
			}
		}
	}
}
