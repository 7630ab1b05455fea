// Package gpu runs compute kernels. It is the only package that imports the
// WebGPU bindings and it knows nothing about transformers.
//
// A Device holds tensors and compiled kernels; a Recorder collects dispatches
// and submits them in pieces short enough for a desktop's watchdog. Every
// failure of the GPU arrives as a Go error.
package gpu

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"math"
	"strings"
	"time"

	"github.com/oliverbestmann/webgpu/wgpu"
	"github.com/x448/float16"

	"pixtral-wgpu/shaders"
)

// Options says which device to open and how. The zero value opens the best
// adapter with all it offers.
type Options struct {
	Device        string // index or part of the name of an adapter; "" takes the first
	DefaultLimits bool   // request only what WebGPU promises everywhere
	Plain         bool   // use no feature that an adapter may lack, and check kernels at run time
	MemoryBytes   uint64 // refuse to allocate beyond this; 0 leaves it to the driver
	ShardBytes    uint64 // split matrices into shards of at most this; 0 means as large as a binding
	Hardware      bool   // treat a software adapter as a GPU, for tests of what GPUs get
	Empty         bool   // give dispatches no workgroups, so that what is measured is the host alone
	Matrices      int    // size of the cooperative matrices to use, which package tune finds out; 0 means none
	Shaders       fs.FS  // kernels, checked at run time; nil means those in the program, which are trusted
}

// A Device owns a queue, the compiled kernels and the cached bind groups.
// Its methods are not safe for concurrent use.
type Device struct {
	Info   Info
	Limits Limits // those in force, at most Info.Limits

	from    adapter
	dev     *wgpu.Device
	queue   *wgpu.Queue
	sink    sink
	options Options
	shaders fs.FS
	kernels map[shaders.Variant]*kernel
	params  paramStore
	nextID  uint64
	used    uint64 // bytes in live buffers
	peak    uint64
	pace    pace
	runs    uint64 // dispatches
	version uint64 // of what tapes rely on: bind groups, params, ways

	features map[string]bool // in force
	ways     map[Use]Way
	scratch  map[string]Tensor
	stage    Tensor // of Stage
	staged   uint64 // bytes written since the last submission

	recording *Recorder // that holds commands; nil if none does
}

// Open opens an adapter.
func Open(o Options) (*Device, error) {
	list, err := adapters()
	if err != nil {
		return nil, err
	}
	a, err := choose(list, o.Device)
	if err != nil {
		return nil, err
	}
	want, inForce := a.wants(!o.DefaultLimits && !o.Plain, o.Matrices)
	dev, s, err := requestDevice(a.raw, want, !o.DefaultLimits)
	if err != nil {
		return nil, fmt.Errorf("gpu: open %v: %w", a.info, typed(err, a.info, 0))
	}
	d := &Device{
		Info: a.info, Limits: a.info.Limits,
		from: a, dev: dev, queue: dev.GetQueue(), sink: s, options: o, shaders: o.Shaders,
		kernels: map[shaders.Variant]*kernel{}, pace: newPace(),
		features: inForce, ways: map[Use]Way{}, scratch: map[string]Tensor{}, version: 1,
	}
	if o.DefaultLimits {
		d.Limits = defaultLimits
	}
	if d.shaders == nil {
		d.shaders = shaders.Embedded()
	}
	buf, err := d.allocate("params", FixedBytes, wgpu.BufferUsageUniform|wgpu.BufferUsageCopyDst)
	if err != nil {
		return nil, fmt.Errorf("gpu: open %v: %w", a.info, err)
	}
	d.params = newParamStore(buf)
	return d, nil
}

// Close frees the device and all that is on it.
func (d *Device) Close() {
	if d.kernels == nil {
		return
	}
	d.kernels, d.recording = nil, nil
	if d.sink.lost() {
		return // nothing is left of it, and wgpu-native would end the process
	}
	destroy(d.dev)
	d.queue.Release()
	d.release()
}

// check returns err, or the error that came outside any scope since the last
// check; that the device is lost outdoes both.
func (d *Device) check(err error) error {
	if late := d.sink.take(); late != nil {
		err = late
	}
	return typed(err, d.Info, d.used)
}

// typed returns the error that err stands for: the bindings tell by texts only.
func typed(err error, i Info, used uint64) error {
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), "device is lost"): // before the callback has told us
		return &DeviceLostError{Message: strings.Join(strings.Fields(err.Error()), " ")}
	case strings.Contains(err.Error(), "Not enough memory left"):
		return &OutOfMemoryError{Reason: fmt.Sprintf("%v has %s in use and gives no more", i, Size(used))}
	}
	return err
}

// Software reports whether d computes on the host's own cores, and may be treated so.
func (d *Device) Software() bool { return d.Info.Software() && !d.options.Hardware }

// Used returns the bytes in live tensors now, and the most there ever were. What a
// texture takes beyond its tensor, to have whole rows, is not counted.
func (d *Device) Used() (now, peak uint64) { return d.used, d.peak }

// Dispatches returns how many were recorded since the device was opened.
func (d *Device) Dispatches() uint64 { return d.runs }

const storage = wgpu.BufferUsageStorage | wgpu.BufferUsageCopyDst | wgpu.BufferUsageCopySrc

func (d *Device) allocate(name string, size uint64, usage wgpu.BufferUsage) (*buffer, error) {
	size = (size + 3) &^ 3 // copies are of whole words
	switch {
	case size == 0:
		return nil, fmt.Errorf("gpu: %s is empty", name)
	case size > d.Limits.BufferBytes:
		return nil, refused(name, size, "%v allows buffers of %s", d.Info, Size(d.Limits.BufferBytes))
	case usage&wgpu.BufferUsageStorage != 0 && size > d.Limits.BindingBytes:
		return nil, refused(name, size, "%v allows bindings of %s", d.Info, Size(d.Limits.BindingBytes))
	}
	return d.hold(name, &buffer{size: size, held: usage&wgpu.BufferUsageStorage != 0}, func(b *buffer) (err error) {
		b.raw, err = d.dev.TryCreateBuffer(&wgpu.BufferDescriptor{Label: name, Size: size, Usage: usage})
		return err
	})
}

// refused returns the error that a device gives no so much memory.
func refused(what string, size uint64, format string, args ...any) error {
	return &OutOfMemoryError{What: what, Bytes: size, Reason: fmt.Sprintf(format, args...)}
}

// hold makes b's memory by create and keeps count of it.
func (d *Device) hold(name string, b *buffer, create func(*buffer) error) (*buffer, error) {
	if d.options.MemoryBytes > 0 && d.used+b.size > d.options.MemoryBytes {
		return nil, refused(name, b.size, "%s of the %s allowed are in use", Size(d.used), Size(d.options.MemoryBytes))
	}
	switch err := d.check(create(b)).(type) {
	case nil:
	case *DeviceLostError:
		return nil, err
	case *OutOfMemoryError:
		return nil, refused(name, b.size, "%s", err.Reason)
	default:
		return nil, refused(name, b.size, "%v has %s in use: %v", d.Info, Size(d.used), err)
	}
	d.nextID++
	b.id = d.nextID
	d.used += b.size
	d.peak = max(d.peak, d.used)
	return b, nil
}

// New makes a zeroed tensor.
func (d *Device) New(name string, typ Type, shape ...int) (Tensor, error) {
	t := Tensor{Name: name, Type: typ, Shape: shape}
	for _, n := range shape {
		if n < 1 {
			return Tensor{}, fmt.Errorf("gpu: new %v: a dimension is below 1", t)
		}
	}
	var err error
	t.buf, err = d.allocate(t.String(), t.Bytes(), storage)
	return t, err
}

// Free gives the memory of tensors back, after what was recorded with them.
// Those that have none are passed over.
func (d *Device) Free(ts ...Tensor) {
	d.settle()
	for _, t := range ts {
		if t.buf == nil || d.kernels == nil {
			continue
		}
		if d.sink.lost() { // its memory is gone; released while it waits to be mapped, it would call back where Go forbids it
			t.buf.forget()
			continue
		}
		for _, k := range d.kernels {
			k.forget(t.buf.id)
		}
		if t.buf.held {
			d.version++
		}
		d.used -= t.buf.size
		t.buf.release()
	}
}

// Upload makes a tensor of data, which is in the layout of typ.
func (d *Device) Upload(name string, typ Type, data []byte, shape ...int) (Tensor, error) {
	t, err := d.New(name, typ, shape...)
	if err != nil {
		return t, err
	}
	return t, d.Write(t, 0, data)
}

// UploadFloats makes an f32 tensor.
func (d *Device) UploadFloats(name string, data []float32, shape ...int) (Tensor, error) {
	return d.Upload(name, F32, wgpu.ToBytes(data), shape...)
}

// UploadInts makes a u32 tensor.
func (d *Device) UploadInts(name string, data []uint32, shape ...int) (Tensor, error) {
	return d.Upload(name, U32, wgpu.ToBytes(data), shape...)
}

// WriteFloats fills an f32 tensor.
func (d *Device) WriteFloats(t Tensor, data []float32) error {
	return d.Write(t, 0, wgpu.ToBytes(data))
}

// staging is how much writes may hold in flight: the queue keeps a copy of each until
// a submission that follows it is done.
const staging = 16 << 20

// Write puts data into t from a byte offset on. Offset and length are multiples of 4,
// or of a texel.
func (d *Device) Write(t Tensor, offset uint64, data []byte) error {
	unit := uint64(4)
	if t.Texels() {
		unit = t.buf.texels.size
	}
	if offset%unit != 0 || uint64(len(data))%unit != 0 || offset+uint64(len(data)) > t.buf.size {
		return fmt.Errorf("gpu: write %d bytes at %d of %s", len(data), offset, t.String())
	}
	for len(data) > 0 {
		n := min(len(data), staging)
		var err error
		if t.Texels() {
			err = d.writeTexels(t.buf.texels, offset, data[:n])
		} else {
			d.write(t.buf, offset, data[:n])
		}
		if err = d.check(err); err != nil {
			return fmt.Errorf("gpu: write %s: %w", t.String(), err)
		}
		if d.staged += uint64(n); d.staged >= staging {
			index := d.send()
			d.wait(&index)
		}
		offset, data = offset+uint64(n), data[n:]
	}
	return d.check(nil)
}

// Floats copies a tensor of any type but U32 to the host, as float32. It waits
// for the queue.
func (d *Device) Floats(t Tensor) ([]float32, error) {
	b, err := d.read(t)
	if err != nil {
		return nil, err
	}
	out := make([]float32, t.Len())
	single := func(at int) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b[at:])) }
	for i := range out {
		switch t.Type {
		case F16:
			out[i] = float16.Frombits(binary.LittleEndian.Uint16(b[2*i:])).Float32()
		case Q8:
			block := i / 32 * 36
			out[i] = single(block) * float32(int8(b[block+4+i%32]))
		default:
			out[i] = single(4 * i)
		}
	}
	return out, nil
}

// Ints copies a u32 tensor to the host. It waits for the queue.
func (d *Device) Ints(t Tensor) ([]uint32, error) {
	b, err := d.read(t)
	if err != nil {
		return nil, err
	}
	return append([]uint32(nil), wgpu.FromBytes[uint32](b)...), nil
}

func (d *Device) read(t Tensor) ([]byte, error) {
	d.settle()
	size := (t.Bytes() + 3) &^ 3
	if t.Texels() {
		size = t.buf.texels.bytes()
	}
	stage, err := d.allocate(t.Name+" on the host", size, wgpu.BufferUsageMapRead|wgpu.BufferUsageCopyDst)
	if err != nil {
		return nil, err
	}
	defer d.Free(Tensor{buf: stage})
	enc, err := d.dev.TryCreateCommandEncoder(nil)
	if err = d.check(err); err != nil {
		return nil, fmt.Errorf("gpu: read %v: %w", t, err)
	}
	if t.Texels() {
		err = t.buf.texels.copyTo(enc, stage.raw)
	} else {
		err = enc.TryCopyBufferToBuffer(t.buf.raw, 0, stage.raw, 0, size)
	}
	if err == nil {
		err = d.submit(enc)
	}
	status := wgpu.MapAsyncStatus(0)
	if err == nil {
		err = stage.raw.TryMapAsync(wgpu.MapModeRead, 0, size, func(s wgpu.MapAsyncStatus) { status = s })
	}
	if err == nil {
		d.wait(nil)
	}
	d.pace.drained(time.Now())
	if err = d.check(err); err != nil {
		return nil, fmt.Errorf("gpu: read %v: %w", t, err)
	}
	if status != wgpu.MapAsyncStatusSuccess {
		return nil, fmt.Errorf("gpu: read %v: map: %v", t, status)
	}
	data := append([]byte(nil), stage.raw.GetMappedRange(0, uint((t.Bytes()+3)&^3))...)
	return data, stage.raw.TryUnmap()
}

// submit finishes and submits an encoder.
func (d *Device) submit(enc *wgpu.CommandEncoder) error {
	defer enc.Release()
	cmd, err := enc.TryFinish(nil)
	if err = d.check(err); err != nil {
		return err
	}
	defer cmd.Release()
	d.pace.submitted(d.send(cmd))
	return d.check(nil)
}

// Room returns how many bytes more may be allocated: by Options.MemoryBytes, or
// else as many as the system says are free; 0 if it does not say.
func (d *Device) Room() uint64 {
	if most := d.options.MemoryBytes; most > 0 {
		return most - min(most, d.used)
	}
	_, free, _ := Memory(d.Info)
	return free
}

// Alive asks the device for nothing, and returns a *DeviceLostError if that is too
// much: a device that is not used does not tell that it is gone.
func (d *Device) Alive() error {
	d.settle()
	index := d.send()
	d.wait(&index)
	return d.check(nil)
}

// Lose gives the device up as a reset of its driver would: everything on it
// fails with a *DeviceLostError from then on. It is for tests of what comes then.
func (d *Device) Lose() { destroy(d.dev) }
