package gpu

import (
	"math"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/x448/float16"

	"pixtral-wgpu/shaders"
)

const halvesKernels = `struct Params { unused: u32, }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn NAME(@builtin(global_invocation_id) id: vec3<u32>) {
    if params.unused == 1u { return; }
    BODY
}
`

// Half floats are read and written without the adapter's help as IEEE 754 has
// them: every one of them, and numbers on and beside the borders between two.
func TestSoftHalves(t *testing.T) {
	kernel := func(name, body string) *fstest.MapFile {
		text := halvesKernels
		for from, to := range map[string]string{"NAME": name, "BODY": body} {
			text = strings.ReplaceAll(text, from, to)
		}
		return &fstest.MapFile{Data: []byte(text)}
	}
	d := open(t, Options{Plain: true, Shaders: fstest.MapFS{
		"widen.wgsl":  kernel("widen", "let v = unpack2x16float(bitcast<u32>(x[id.x])); y[2u * id.x] = v.x; y[2u * id.x + 1u] = v.y;"),
		"narrow.wgsl": kernel("narrow", "y[id.x] = f32(pack2x16float(vec2(0.0, x[id.x])) >> 16u);"),
	}})
	run := func(name string, x []float32, results int) []float32 {
		in, err := d.UploadFloats("x", x, len(x))
		check(t, err)
		out, err := d.New("y", F32, results)
		check(t, err)
		r := d.Record()
		r.Dispatch(Dispatch{Kernel: shaders.Variant{Kernel: name}, Params: struct{ Unused uint32 }{}, Read: []Tensor{in}, Write: out, Groups: [3]int{(len(x) + 63) / 64}})
		check(t, r.Submit())
		got, err := d.Floats(out)
		check(t, err)
		return got
	}
	var pairs, values []float32
	for h := range uint32(1 << 15) {
		if h&0x7c00 != 0x7c00 || h == 0x7c00 { // not a NaN
			pairs = append(pairs, math.Float32frombits(h|h<<16|1<<31))
		}
	}
	for i, got := range run("widen", pairs, 2*len(pairs)) {
		bits := uint16(math.Float32bits(pairs[i/2]) >> (16 * (i % 2)))
		if want := float16.Frombits(bits).Float32(); got != want {
			t.Fatalf("%#04x is read as %g, want %g", bits, got, want)
		}
	}
	for h := range uint16(0x7c00) {
		a, b := float16.Frombits(h).Float32(), float16.Frombits(h+1).Float32()
		if h+1 == 0x7c00 {
			b = 65536
		}
		middle := (a + b) / 2
		values = append(values, a, -a, middle, math.Nextafter32(middle, 0), math.Nextafter32(-middle, -1e9))
	}
	values = append(values, 0x1p-25, math.Nextafter32(0x1p-25, 1), 1e-30, 65519, 65520, 1e9, float32(math.Inf(-1)))
	for i, got := range run("narrow", values, len(values)) {
		if want := float16.Fromfloat32(values[i]).Bits(); uint16(got) != want {
			t.Fatalf("%g is written as %#04x, want %#04x", values[i], uint16(got), want)
		}
	}
}
