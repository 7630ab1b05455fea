package gpu

import (
	"context"
	"errors"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/oliverbestmann/webgpu/wgpu"

	"pixtral-wgpu/shaders"
)

func open(t *testing.T, o Options) *Device {
	t.Helper()
	d, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type addParams struct{ N uint32 }

// add records y += x.
func add(r *Recorder, y, x Tensor) {
	r.Dispatch(Dispatch{
		Kernel: shaders.Variant{Kernel: "add"}, Params: addParams{uint32(x.Len() / 4)},
		Read: []Tensor{x}, Write: y, Groups: [3]int{(x.Len() + 255) / 256}, Work: float64(x.Len()),
	})
}

// The bindings keep the C handle in the first field of every object; native.go
// depends on it.
func TestHandleOffset(t *testing.T) {
	for _, object := range []any{
		wgpu.Adapter{}, wgpu.Device{}, wgpu.Queue{}, wgpu.QuerySet{}, wgpu.Buffer{}, wgpu.BindGroup{}, wgpu.ComputePipeline{},
	} {
		typ := reflect.TypeOf(object)
		if f := typ.Field(0); f.Name != "ref" || f.Offset != 0 || f.Type.Size() != 8 {
			t.Errorf("%v begins with %s %v", typ, f.Name, f.Type)
		}
	}
}

func TestAdapters(t *testing.T) {
	list, err := Adapters()
	check(t, err)
	for i, a := range list {
		if a.Index != i || a.Name == "" || a.Limits.BufferBytes < 1<<28 || a.Limits.Groups < 65535 {
			t.Errorf("adapter %d is %+v", i, a)
		}
	}
	d := open(t, Options{Device: strings.ToUpper(list[0].Name[:4])})
	if d.Info.Name != list[0].Name {
		t.Errorf("%v was opened by the name of %v", d.Info, list[0])
	}
	if _, err := Open(Options{Device: "no such card"}); err == nil || !strings.Contains(err.Error(), list[0].Name) {
		t.Errorf("an unknown name: %v", err)
	}
	if d := open(t, Options{DefaultLimits: true}); d.Limits != defaultLimits {
		t.Errorf("default limits are %+v", d.Limits)
	}
}

// A tap sees each value as it was when written, although the buffer is used
// again, and under the name of its scope.
func TestTap(t *testing.T) {
	d := open(t, Options{})
	x, err := d.UploadFloats("x", []float32{1, 2, 3, 4}, 4)
	check(t, err)
	y, err := d.UploadFloats("y", []float32{0, 0, 0, 0}, 4)
	check(t, err)
	seen := map[string]float32{}
	r := d.Record()
	r.Tap = func(r *Recorder, name string, v Tensor) {
		r.Copy(v, func(data []float32) error { seen[name] = data[3]; return nil })
	}
	for i := range 3 {
		leave := r.EnterAt("layers", i)
		add(r, y.As("sum"), x)
		add(r, y.As(""), x)
		leave()
	}
	check(t, r.Submit())
	want := map[string]float32{"layers.0.sum": 4, "layers.0": 8, "layers.1.sum": 12, "layers.1": 16, "layers.2.sum": 20, "layers.2": 24}
	if !reflect.DeepEqual(seen, want) {
		t.Errorf("seen %v, want %v", seen, want)
	}
	if now, _ := d.Used(); now != FixedBytes+32 {
		t.Errorf("%d bytes are in use: snapshots were not freed", now)
	}
}

// Many dispatches go out in several submissions, in order, and their pace
// settles.
func TestPace(t *testing.T) {
	d := open(t, Options{})
	x, err := d.UploadFloats("x", []float32{1, 1, 1, 1}, 4)
	check(t, err)
	y, err := d.New("y", F32, 4)
	check(t, err)
	d.pace.budget = 20 // five dispatches
	r := d.Record()
	for range 3 * maxCommands {
		add(r, y, x)
	}
	check(t, r.Submit())
	got, err := d.Floats(y)
	check(t, err)
	if got[0] != 3*maxCommands {
		t.Errorf("%v additions were made of %d", got[0], 3*maxCommands)
	}
	if d.pace.budget < 1000 {
		t.Errorf("the budget is %v after short submissions", d.pace.budget)
	}
	if n := d.Record().Fit(100, 8, d.pace.budget/20); n != 16 {
		t.Errorf("%d of 100 items fit, in steps of 8 where 20 would", n)
	}
}

// A recording whose context ends stops before its next submission, and the
// recorder can be used again.
func TestStop(t *testing.T) {
	d := open(t, Options{})
	x, err := d.UploadFloats("x", []float32{1, 1, 1, 1}, 4)
	check(t, err)
	y, err := d.New("y", F32, 4)
	check(t, err)
	d.pace.budget = 20 // five dispatches
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := d.Record()
	r.Context = ctx
	for i := range 100 {
		if i == 12 {
			cancel()
		}
		add(r, y, x)
	}
	if err := r.Submit(); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	r.Context = nil
	add(r, y, x)
	check(t, r.Submit())
	got, err := d.Floats(y)
	check(t, err)
	if got[0] != 11 { // two submissions, and the one after
		t.Errorf("%v additions were made", got[0])
	}
}

func TestClock(t *testing.T) {
	d := open(t, Options{})
	c, err := d.NewClock()
	check(t, err)
	x, err := d.New("x", F32, 4096)
	check(t, err)
	y, err := d.New("y", F32, 4096)
	check(t, err)
	for range 2 {
		r := d.Record()
		r.Clock = c
		for range maxSpans/2 + 5 {
			add(r, y, x)
		}
		check(t, r.Submit())
	}
	if len(c.Spans) != maxSpans+10 {
		t.Fatalf("%d spans for %d dispatches", len(c.Spans), maxSpans+10)
	}
	var total float64
	for _, s := range c.Spans {
		if s.Kernel != "add" || s.Name != "y" || s.Duration < 0 || s.Start < 0 {
			t.Fatalf("a span is %+v", s)
		}
		total += s.Duration.Seconds()
	}
	if total <= 0 || total > 60 {
		t.Errorf("the dispatches took %v seconds", total)
	}
}

// What goes wrong arrives as a typed error that names its place.
func TestErrors(t *testing.T) {
	d := open(t, Options{MemoryBytes: 1 << 20})
	x, err := d.New("x", F32, 4)
	check(t, err)
	y, err := d.New("y", F32, 4)
	check(t, err)

	var memory *OutOfMemoryError
	if _, err := d.New("large", F32, 1<<20); !errors.As(err, &memory) || !strings.Contains(memory.What, "large") || memory.Bytes != 1<<22 {
		t.Errorf("beyond the allowance: %v", err)
	}
	if _, err := open(t, Options{}).New("huge", F32, math.MaxInt32, 64); !errors.As(err, &memory) {
		t.Errorf("beyond the adapter: %v", err)
	}
	if _, err := d.New("none", F32, 3, 0); err == nil {
		t.Error("an empty tensor: no error")
	}

	// The first error counts; what follows is not recorded.
	fails := func(name string, target any, want string, record func(r *Recorder)) {
		t.Helper()
		r := d.Record()
		defer r.EnterAt("layers", 7)()
		record(r)
		record(r)
		err := r.Submit()
		if err == nil || target != nil && !errors.As(err, target) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "layers.7") {
			t.Errorf("%s: %v", name, err)
		}
	}
	var shape *ShapeError
	var compile *CompileError
	fails("shape", &shape, "shaders/add.wgsl", func(r *Recorder) { r.Misfit("add", "%v and %v", x, x) })
	fails("no such kernel", &compile, "nonsense", func(r *Recorder) {
		r.Dispatch(Dispatch{Kernel: shaders.Variant{Kernel: "nonsense"}, Params: addParams{1}, Write: x})
	})
	fails("no such format", &compile, "quant/q3.wgsl", func(r *Recorder) {
		r.Dispatch(Dispatch{Kernel: shaders.Variant{Kernel: "embed", Weights: "q3"}, Params: addParams{1}, Write: x})
	})
	fails("params", nil, "n: u32", func(r *Recorder) {
		r.Dispatch(Dispatch{Kernel: shaders.Variant{Kernel: "add"}, Params: struct{ M uint32 }{1}, Read: []Tensor{x}, Write: x})
	})
	fails("too few tensors", nil, "add", func(r *Recorder) {
		r.Dispatch(Dispatch{Kernel: shaders.Variant{Kernel: "add"}, Params: addParams{1}, Write: x})
	})
	fails("read and written at once", nil, "add", func(r *Recorder) { add(r, x, x) })
	fails("too many workgroups", nil, "65535", func(r *Recorder) {
		r.Dispatch(Dispatch{Kernel: shaders.Variant{Kernel: "add"}, Params: addParams{1}, Read: []Tensor{x}, Write: y, Groups: [3]int{1 << 17}})
	})
}

// A lost device is an error of everything that comes after, not a crash.
func TestDeviceLost(t *testing.T) {
	d := open(t, Options{})
	x, err := d.New("x", F32, 4)
	check(t, err)
	y, err := d.New("y", F32, 4)
	check(t, err)
	destroy(d.dev)
	var lost *DeviceLostError
	r := d.Record()
	add(r, y, x)
	if err := r.Submit(); !errors.As(err, &lost) {
		t.Errorf("submit: %v", err)
	}
	if _, err := d.Floats(x); !errors.As(err, &lost) {
		t.Errorf("read: %v", err)
	}
	if _, err := d.New("z", F32, 4); !errors.As(err, &lost) {
		t.Errorf("new: %v", err)
	}
	if err := d.Write(x, 0, make([]byte, 16)); !errors.As(err, &lost) {
		t.Errorf("write: %v", err)
	}
}

// A device lost behind the library's back, where it would end the process: at a
// submission, and while one is waited for.
func TestDeviceLostInside(t *testing.T) {
	if runtime.GOOS == "darwin" {
		t.Skip("its linker cannot be told")
	}
	var lost *DeviceLostError
	d := open(t, Options{})
	enc, err := d.dev.TryCreateCommandEncoder(nil)
	check(t, err)
	commands, err := enc.TryFinish(nil)
	check(t, err)
	destroy(d.dev)
	d.send(commands)
	if err := d.check(nil); !errors.As(err, &lost) {
		t.Errorf("a submission: %v", err)
	}
	d = open(t, Options{})
	never := uint64(12345) // an index that the library gives up at, as it does at a lost device
	d.wait(&never)
	if _, err := d.New("x", F32, 4); !errors.As(err, &lost) {
		t.Errorf("after a wait: %v", err)
	}
	d.Close()
	another := open(t, Options{}) // and the library still works
	x, err := another.UploadFloats("x", []float32{1, 2, 3, 4}, 4)
	check(t, err)
	got, err := another.Floats(x)
	check(t, err)
	if !slices.Equal(got, []float32{1, 2, 3, 4}) {
		t.Errorf("the next device reads %v", got)
	}
}

func TestSize(t *testing.T) {
	for bytes, want := range map[uint64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 25 << 30: "25 GiB"} {
		if got := Size(bytes); got != want {
			t.Errorf("%d is %s, want %s", bytes, got, want)
		}
	}
}

// What was recorded before is recorded and submitted again without allocating.
func TestRecordAllocatesNothing(t *testing.T) {
	d := open(t, Options{})
	x, err := d.New("x", F32, 64)
	check(t, err)
	y, err := d.New("y", F32, 64)
	check(t, err)
	r := d.Record()
	record := func() {
		for i := range 40 {
			leave := r.EnterAt("layers", i)
			add(r, y, x)
			r.CopyRows(y, 0, x, 0, 1)
			leave()
		}
		check(t, r.Submit())
	}
	record()
	if n := testing.AllocsPerRun(20, record); n > 0 {
		t.Errorf("%v allocations for 80 commands", n)
	}
}

// Recorders that take turns, and memory that is freed while something waits to
// be submitted, keep the order of what was recorded.
func TestRecordersTakeTurns(t *testing.T) {
	d := open(t, Options{})
	x, err := d.UploadFloats("x", []float32{1, 2, 3, 4}, 4)
	check(t, err)
	y, err := d.New("y", F32, 4)
	check(t, err)
	z, err := d.New("z", F32, 4)
	check(t, err)
	a, b := d.Record(), d.Record()
	add(a, y, x)
	add(b, z, y)
	add(a, y, x)
	d.Free(x)
	check(t, a.Submit())
	add(b, z, y)
	check(t, b.Submit())
	got, err := d.Floats(z)
	check(t, err)
	if got[3] != 12 {
		t.Errorf("z ends with %v, want 4 and 8", got[3])
	}
}

// More different parameters than there is room for are each the dispatch's own.
func TestParamsWrapAround(t *testing.T) {
	d := open(t, Options{})
	x, err := d.UploadFloats("x", make([]float32, 8), 8)
	check(t, err)
	y, err := d.New("y", F32, 8)
	check(t, err)
	ones, err := d.UploadFloats("ones", []float32{1, 1, 1, 1}, 4)
	check(t, err)
	r := d.Record()
	for i := range maxParams + 10 {
		r.Dispatch(Dispatch{
			Kernel: shaders.Variant{Kernel: "add"}, Params: addParams{uint32(i%2) + uint32(i/2*2)*1000},
			Read: []Tensor{x}, Write: y,
		})
		add(r, x, ones)
	}
	check(t, r.Submit())
	got, err := d.Floats(x)
	check(t, err)
	if got[0] != maxParams+10 {
		t.Errorf("%v of %d additions", got[0], maxParams+10)
	}
}

// What was posted comes to the host though more was submitted after it, again
// and again, and neither that nor a write allocates.
func TestMailbox(t *testing.T) {
	d := open(t, Options{})
	x, err := d.New("x", F32, 64)
	check(t, err)
	y, err := d.New("y", F32, 64)
	check(t, err)
	m, err := d.NewMailbox("mail", 2)
	check(t, err)
	defer d.FreeMailbox(m)
	one := make([]byte, 4*64)
	for i := range 64 {
		one[4*i+2], one[4*i+3] = 0x80, 0x3f
	}
	check(t, d.WriteFloats(y, make([]float32, 64)))
	r, times := d.Record(), float32(0)
	turn := func() {
		check(t, d.Write(x, 0, one))
		add(r, y, x)
		y := y
		y.Shape = y.Shape[:0:0] // its first word
		r.Post(m, y)
		check(t, r.Submit())
		add(r, x, y)
		check(t, r.Submit())
		words, err := d.Take(m)
		check(t, err)
		if times++; len(words) != 1 || math.Float32frombits(words[0]) != times {
			t.Fatalf("%v after %v turns", words, times)
		}
	}
	turn()
	if n := testing.AllocsPerRun(20, turn); n > 0 {
		t.Errorf("%v allocations", n)
	}
	r.Post(m, y)
	if err := r.Submit(); err == nil {
		t.Error("64 words go into two")
	}
}

// However small the writes are, the queue holds no more than staging bytes of them.
func TestWritesAreBounded(t *testing.T) {
	for _, o := range []Options{{}, {DefaultLimits: true}} {
		d, err := Open(o)
		check(t, err)
		defer d.Close()
		const rows, rowBytes = 3000, 1 << 14
		m, err := d.NewMatrix("w", "q8_0", rows, rowBytes, []int{rowBytes, rowBytes / 16})
		check(t, err)
		var most uint64
		check(t, d.FillMatrix(m, []int{rowBytes, rowBytes / 16}, func(from, to int) ([][]byte, error) {
			most = max(most, d.staged)
			return [][]byte{make([]byte, (to-from)*rowBytes), make([]byte, (to-from)*rowBytes/16)}, nil
		}))
		if most = max(most, d.staged); most == 0 || most >= staging {
			t.Errorf("%v: up to %s are in flight", d.Info, Size(most))
		}
		d.FreeMatrix(m)
	}
}
