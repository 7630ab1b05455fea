package gpu

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oliverbestmann/webgpu/wgpu"

	"pixtral-wgpu/shaders"
)

const (
	paramSlot     = 256 // WebGPU's largest minUniformBufferOffsetAlignment
	maxDispatches = 1024

	// FixedBytes is what an open device takes before it has any tensor.
	FixedBytes = paramSlot * maxDispatches
)

// A Dispatch runs one kernel once.
type Dispatch struct {
	Kernel  shaders.Variant
	Params  any      // a struct of u32, i32 and f32, like Params in the kernel
	Read    []Tensor // group 0 after params, in binding order
	Write   Tensor   // group 0, last
	Group1  []Tensor // the parts of a matrix, or keys and values
	Groups  [3]int   // workgroups; zero means 1
	Work    float64  // multiply-adds, about: paces the submissions
	Bytes   uint64   // moved, for the clock; 0 means all of Read, Group1 and Write
	Partial bool     // more dispatches complete Write: no tap yet
}

// A Tap sees each tensor right after the dispatch that completed it. The name
// is the path of scopes and the tensor's own name. It may record more work.
type Tap func(r *Recorder, name string, t Tensor)

// A Recorder collects dispatches and submits them, in several submissions if
// the work is much. Like a bufio.Writer it remembers the first error and
// reports it at the end.
type Recorder struct {
	Tap   Tap    // nil means nobody watches
	Clock *Clock // nil means nobody measures

	dev    *Device
	scope  []string
	enc    *wgpu.CommandEncoder
	pass   *wgpu.ComputePassEncoder
	params []byte
	work   float64
	done   []func() error // to be called when the submission has run
	err    error
}

// Record starts a recording.
func (d *Device) Record() *Recorder { return &Recorder{dev: d} }

// Device returns the device that r records for.
func (r *Recorder) Device() *Device { return r.dev }

// Enter names what follows until the function it returns is called.
func (r *Recorder) Enter(format string, args ...any) (leave func()) {
	r.scope = append(r.scope, fmt.Sprintf(format, args...))
	return func() { r.scope = r.scope[:len(r.scope)-1] }
}

func (r *Recorder) name(t Tensor) string {
	if t.Name == "" {
		return strings.Join(r.scope, ".")
	}
	return strings.Join(append(r.scope, t.Name), ".")
}

// Misfit makes r report that tensors do not fit the kernel, unless it already
// has an error.
func (r *Recorder) Misfit(kernel, format string, args ...any) {
	if r.err == nil {
		r.err = &ShapeError{
			Scope: strings.Join(r.scope, "."), Kernel: kernel, File: "shaders/" + kernel + ".wgsl",
			Message: fmt.Sprintf(format, args...),
		}
	}
}

// Fail makes r report err, unless it is nil or r already has one.
func (r *Recorder) Fail(err error) {
	if r.err == nil && err != nil {
		r.err = err
	}
}

// Err returns the first error so far.
func (r *Recorder) Err() error { return r.err }

// Dispatch records one kernel run.
func (r *Recorder) Dispatch(d Dispatch) {
	if r.err != nil {
		return
	}
	if err := r.dispatch(d); err != nil {
		r.err = fmt.Errorf("gpu: %s: %w", r.name(d.Write), err)
		return
	}
	if r.Tap != nil && !d.Partial {
		tap := r.Tap
		r.Tap = nil // what a tap records is not itself tapped
		tap(r, r.name(d.Write), d.Write)
		r.Tap = tap
	}
}

func (r *Recorder) dispatch(d Dispatch) error {
	k, err := r.dev.kernel(d.Kernel)
	if err != nil {
		return err
	}
	if !k.checked {
		if err := checkParams(k.module, d.Params); err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		k.checked = true
	}
	for _, t := range slices.Concat(d.Read, d.Group1) {
		if t.buf == d.Write.buf {
			return fmt.Errorf("%s: %v is read and written at once", k.name, t)
		}
	}
	for _, n := range d.Groups {
		if n > r.dev.Limits.Groups {
			return fmt.Errorf("%s: %v workgroups; a dimension holds %d", k.name, d.Groups, r.dev.Limits.Groups)
		}
	}
	if r.work > 0 && r.work+d.Work > r.dev.pace.budget || len(r.params) == paramSlot*maxDispatches || r.Clock.full() {
		if err := r.flush(); err != nil {
			return err
		}
	}
	group0, err := k.bind(r.dev, 0, append(d.Read[:len(d.Read):len(d.Read)], d.Write))
	if err != nil {
		return fmt.Errorf("%s: %w", k.name, err)
	}
	if err := r.begin(k.name, &d); err != nil {
		return err
	}
	r.pass.SetPipeline(k.pipeline)
	r.pass.SetBindGroup(0, group0, []uint32{uint32(len(r.params))})
	if d.Group1 != nil {
		group1, err := k.bind(r.dev, 1, d.Group1)
		if err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		r.pass.SetBindGroup(1, group1, nil)
	}
	if r.params, err = appendParams(r.params, d.Params); err != nil {
		return err
	}
	r.work += d.Work
	r.pass.DispatchWorkgroups(uint32(max(1, d.Groups[0])), uint32(max(1, d.Groups[1])), uint32(max(1, d.Groups[2])))
	return nil
}

// moved is how many bytes d reads and writes, about.
func (d *Dispatch) moved() uint64 {
	if d.Bytes > 0 {
		return d.Bytes
	}
	bytes := d.Write.Bytes()
	for _, t := range slices.Concat(d.Read, d.Group1) {
		bytes += t.Bytes()
	}
	return bytes
}

// Fit returns how many of n items, each of so much work, one submission may
// hold: a multiple of step, or n. Kernels over many rows are cut by it.
func (r *Recorder) Fit(n, step int, work float64) int {
	fit := r.dev.pace.budget / work / float64(step)
	if fit >= float64(n) {
		return n
	}
	return min(n, max(1, int(fit))*step)
}

// begin makes sure that a pass is open: one for all dispatches, or one for each
// if they are timed.
func (r *Recorder) begin(kernel string, d *Dispatch) error {
	if err := r.encoder(); err != nil {
		return err
	}
	if r.Clock != nil {
		r.endPass()
		queries, at, err := r.Clock.next(Span{Kernel: kernel, Name: r.name(d.Write), Work: d.Work, Bytes: d.moved()})
		if err != nil {
			return err
		}
		r.pass = beginPass(r.enc, queries, at)
	} else if r.pass == nil {
		r.pass = beginPass(r.enc, nil, 0)
	}
	return nil
}

func (r *Recorder) encoder() (err error) {
	if r.enc == nil {
		r.enc, err = r.dev.dev.TryCreateCommandEncoder(nil)
	}
	return r.dev.check(err)
}

func (r *Recorder) endPass() {
	if r.pass != nil {
		endPass(r.pass)
		r.pass = nil
	}
}

// Copy hands t's value at this point to f when it is known, at the latest in Submit.
func (r *Recorder) Copy(t Tensor, f func(data []float32) error) {
	if r.err != nil {
		return
	}
	snapshot, err := r.dev.New("snapshot of "+t.Name, t.Type, t.Shape...)
	if err != nil {
		r.err = err
		return
	}
	r.CopyRows(snapshot, 0, t, 0, t.Shape[0])
	r.done = append(r.done, func() error {
		defer r.dev.Free(snapshot)
		data, err := r.dev.Floats(snapshot)
		if err != nil {
			return err
		}
		return f(data)
	})
}

// CopyRows copies n rows of x from row from on to the rows of y from row to on.
func (r *Recorder) CopyRows(y Tensor, to int, x Tensor, from, n int) {
	if r.err != nil {
		return
	}
	row := x.Bytes() / uint64(x.Shape[0])
	if y.Bytes()/uint64(y.Shape[0]) != row || to+n > y.Shape[0] || from+n > x.Shape[0] || row%4 != 0 {
		r.err = fmt.Errorf("gpu: copy %d rows of %v from %d to %v at %d", n, x, from, y, to)
		return
	}
	if r.err = r.encoder(); r.err != nil {
		return
	}
	r.endPass()
	r.err = r.dev.check(r.enc.TryCopyBufferToBuffer(x.buf.raw, row*uint64(from), y.buf.raw, row*uint64(to), row*uint64(n)))
}

// flush submits what was recorded so far and keeps at most two submissions in
// flight.
func (r *Recorder) flush() error {
	r.endPass()
	if r.enc == nil {
		return nil
	}
	if err := r.Clock.resolve(r.dev, r.enc); err != nil {
		return err
	}
	if len(r.params) > 0 {
		if err := r.dev.check(r.dev.queue.TryWriteBuffer(r.dev.params.raw, 0, r.params)); err != nil {
			return err
		}
	}
	enc := r.enc
	r.enc, r.params = nil, r.params[:0]
	if err := r.dev.submit(enc); err != nil {
		return err
	}
	r.dev.pace.wait(r.dev.dev, 1)
	r.dev.pace.work, r.work = r.work, 0
	done := r.done
	r.done = nil
	for _, f := range done {
		if err := f(); err != nil {
			return err
		}
	}
	return r.Clock.read(r.dev)
}

// Submit runs what is left of the recording and returns the first error of any
// of it. It does not wait for the results.
func (r *Recorder) Submit() error {
	if r.err == nil {
		r.Fail(r.flush())
	}
	if r.err != nil {
		r.endPass()
		r.enc = nil
		for _, f := range r.done {
			_ = f() // frees what it holds; the first error is already known
		}
		r.done = nil
	}
	return r.err
}
