package gpu

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"pixtral-wgpu/shaders"
)

// A Dispatch runs one kernel once.
type Dispatch struct {
	Kernel  shaders.Variant
	Params  any      // a struct of u32, i32 and f32, like Params in the kernel
	Read    []Tensor // group 0 after params, in binding order
	Write   Tensor   // group 0, last
	Group1  []Tensor // the parts of a matrix, or keys and values
	Group2  []Tensor // what an output needs besides Write
	Group3  []Tensor // what an input needs besides Read
	Groups  [3]int   // workgroups; zero means 1
	Work    float64  // multiply-adds, about: paces the submissions
	Bytes   uint64   // moved, for the clock; 0 means all that it is given
	Partial bool     // more dispatches complete Write: no tap yet
}

// A Tap sees each tensor right after the dispatch that completed it. The name
// is the path of scopes and the tensor's own name. It may record more work.
type Tap func(r *Recorder, name string, t Tensor)

// A Recorder collects dispatches and submits them, in several submissions if
// the work is much. Like a bufio.Writer it remembers the first error and
// reports it at the end. After Submit it may be used again; a pass that was
// recorded before allocates nothing.
type Recorder struct {
	Tap     Tap             // nil means nobody watches
	Clock   *Clock          // nil means nobody measures
	Context context.Context // asked before each submission; nil means nothing stops it

	dev      *Device
	scope    []scope
	leave    func() // ends the innermost scope
	commands []command
	work     float64
	flushes  uint64         // submissions that it has made
	posted   []*Mailbox     // that commands fill
	done     []func() error // to be called when the submission has run
	err      error
}

// A scope is the name of a part of the pass, put together when it is asked for.
type scope struct {
	name  string
	index int // -1 for none
}

const maxCommands = 1024 // in a submission

// Record starts a recording. Of several the device plays what was recorded
// first first.
func (d *Device) Record() *Recorder {
	r := &Recorder{dev: d}
	r.leave = func() { r.scope = r.scope[:len(r.scope)-1] }
	return r
}

// Device returns the device that r records for.
func (r *Recorder) Device() *Device { return r.dev }

// Enter names what follows until the function it returns is called.
func (r *Recorder) Enter(name string) (leave func()) { return r.EnterAt(name, -1) }

// EnterAt is Enter for one of several, for example layers.7.
func (r *Recorder) EnterAt(name string, index int) (leave func()) {
	r.scope = append(r.scope, scope{name, index})
	return r.leave
}

// path returns the names of the scopes, and behind them name if it is not "".
func (r *Recorder) path(name string) string {
	var b strings.Builder
	for _, s := range r.scope {
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.name)
		if s.index >= 0 {
			fmt.Fprintf(&b, ".%d", s.index)
		}
	}
	if b.Len() > 0 && name != "" {
		b.WriteByte('.')
	}
	return b.String() + strings.Clone(name)
}

// Misfit makes r report that tensors do not fit the kernel, unless it already
// has an error.
func (r *Recorder) Misfit(kernel, format string, args ...any) {
	if r.err == nil {
		r.err = &ShapeError{
			Scope: r.path(""), Kernel: kernel, File: "shaders/" + kernel + ".wgsl",
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
	if err := r.dispatch(&d); err != nil {
		r.err = fmt.Errorf("gpu: %s: %w", r.path(d.Write.Name), err)
		return
	}
	if r.Tap != nil && !d.Partial {
		r.watch(d.Write.kept())
	}
}

// watch shows a value to the tap.
func (r *Recorder) watch(t Tensor) {
	tap := r.Tap
	r.Tap = nil // what a tap records is not itself tapped
	tap(r, r.path(t.Name), t)
	r.Tap = tap
}

func (r *Recorder) dispatch(d *Dispatch) error {
	d.Kernel.Texels = d.texels()
	k, err := r.dev.kernel(&d.Kernel)
	if err != nil {
		return err
	}
	if err := k.check(d, r.dev.Limits.Groups); err != nil {
		return fmt.Errorf("%s: %w", k.name, err)
	}
	if r.work > 0 && r.work+d.Work > r.dev.pace.budget || r.dev.params.full() || r.Clock.full() {
		if err := r.flush(); err != nil {
			return err
		}
	}
	c := command{pipeline: raw(k.pipeline)}
	if c.a, err = k.bind(r.dev, d); err != nil {
		return fmt.Errorf("%s: %w", k.name, err)
	}
	if err := r.room(); err != nil {
		return err
	}
	c.offset = r.dev.params.offset(keyOf(d.Params))
	if !r.dev.options.Empty {
		for i, n := range d.Groups {
			c.groups[i] = uint32(max(1, n))
		}
	}
	if r.Clock != nil {
		r.Clock.next(Span{Kernel: k.name, Name: r.path(d.Write.Name), Work: d.Work, Bytes: d.moved()})
	}
	r.commands = append(r.commands, c)
	r.work += d.Work
	r.dev.runs++
	return nil
}

// texels returns which of the tensors of d are storage textures.
func (d *Dispatch) texels() (p shaders.Places) {
	if d.Write.Texels() {
		p = p.With(0, len(d.Read))
	}
	for group, list := range [4][]Tensor{d.Read, d.Group1, d.Group2, d.Group3} {
		for i := range list {
			if list[i].Texels() {
				p = p.With(group, i)
			}
		}
	}
	return p
}

// check reports a dispatch that the kernel cannot take.
func (k *kernel) check(d *Dispatch, mostGroups int) error {
	if t := reflect.TypeOf(d.Params); t != k.params {
		if err := checkParams(k.module, t); err != nil {
			return err
		}
		k.params = t
	}
	for _, list := range [4][]Tensor{d.Read, d.Group1, d.Group2, d.Group3} {
		for i := range list {
			if list[i].buf == d.Write.buf {
				return fmt.Errorf("%s is read and written at once", list[i].String())
			}
		}
	}
	for _, n := range d.Groups {
		if n > mostGroups {
			return fmt.Errorf("%v workgroups; a dimension holds %d", d.Groups, mostGroups)
		}
	}
	return nil
}

// moved is how many bytes d reads and writes, about.
func (d *Dispatch) moved() uint64 {
	if d.Bytes > 0 {
		return d.Bytes
	}
	bytes := d.Write.Bytes()
	for _, list := range [4][]Tensor{d.Read, d.Group1, d.Group2, d.Group3} {
		for i := range list {
			bytes += list[i].Bytes()
		}
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

// room makes room for a command: what another recorder holds goes out first, and
// what r holds if it is much.
func (r *Recorder) room() error {
	if r.dev.recording != r {
		r.dev.settle()
		r.dev.recording = r
	}
	if len(r.commands) == maxCommands {
		return r.flush()
	}
	return nil
}

// settle submits what the recorder that recorded last holds.
func (d *Device) settle() {
	if r := d.recording; r != nil && d.kernels != nil {
		if r.err == nil {
			r.Fail(r.flush())
		}
		d.recording = nil
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
		r.err = fmt.Errorf("gpu: copy %d rows of %s from %d to %s at %d", n, x.String(), from, y.String(), to)
		return
	}
	if r.err = r.room(); r.err != nil {
		return
	}
	c := command{from: row * uint64(from), to: row * uint64(to), size: row * uint64(n)}
	switch {
	case x.Texels():
		r.err = fmt.Errorf("gpu: copy from %s, which is a texture", x.String())
		return
	case y.Texels():
		if to > 0 {
			r.err = fmt.Errorf("gpu: copy to %s, which is a texture, at %d", y.String(), to)
			return
		}
		c.b, c.groups = raw(y.buf.texels.texture), [3]uint32{uint32(y.buf.texels.size), shaders.TexelColumns}
	default:
		c.b = raw(y.buf.raw)
	}
	c.a = raw(x.buf.raw)
	r.commands = append(r.commands, c)
}

// flush submits what was recorded so far and keeps at most two submissions in
// flight.
func (r *Recorder) flush() error {
	if len(r.commands) == 0 {
		return nil
	}
	if r.Context != nil && r.Context.Err() != nil {
		return r.Context.Err()
	}
	r.dev.params.write(r.dev)
	if err := r.dev.check(nil); err != nil {
		return err
	}
	index := r.dev.play(r.commands, r.Clock)
	r.commands = r.commands[:0]
	r.flushes++
	for _, m := range r.posted {
		m.index = index
	}
	r.posted = r.posted[:0]
	if r.dev.params.full() {
		r.dev.params.clear()
		r.dev.version++
	}
	if err := r.dev.check(nil); err != nil {
		return err
	}
	r.dev.pace.submitted(index)
	r.dev.pace.wait(r.dev.wait, 1)
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
// of it. It does not wait for the results. r is then empty: it may record again.
func (r *Recorder) Submit() error {
	if r.err == nil {
		r.Fail(r.flush())
	}
	if r.dev.recording == r {
		r.dev.recording = nil
	}
	err := r.err
	if err != nil {
		for _, f := range r.done {
			_ = f() // frees what it holds; the first error is already known
		}
		r.commands, r.posted, r.done, r.work, r.err = r.commands[:0], r.posted[:0], nil, 0, nil
	}
	return err
}
