package gpu

import (
	"encoding/binary"
	"slices"
	"testing"
	"testing/fstest"

	"pixtral-wgpu/shaders"
)

const gather = `struct Params { n: u32, }

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(64)
fn gather(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x < params.n { y[id.x] = x[params.n - 1u - id.x]; }
}
`

// textured opens a device that reads storage textures; a GPU's reads buffers.
func textured(t *testing.T, o Options) *Device {
	d := open(t, o)
	if !d.ReadsTexels() {
		t.Skipf("%v reads buffers", d.Info)
	}
	return d
}

// A texture holds what is written to it and copied to it, wherever that begins and
// ends in a row of texels.
func TestTexels(t *testing.T) {
	d := textured(t, Options{Shaders: fstest.MapFS{"gather.wgsl": {Data: []byte(gather)}}})
	const row = 16 * shaders.TexelColumns
	texels, err := d.newTexels("texels", "rgba32float", U32, 5, row/4)
	check(t, err)
	if now, _ := d.Used(); now != FixedBytes+5*row {
		t.Errorf("%d bytes in use", now)
	}
	want := make([]byte, 5*row)
	fill := byte(0)
	for _, part := range [][2]int{{0, 16}, {row - 16, 32}, {row + 16, 3*row - 32}, {2 * row, row}, {4*row - 48, row + 48}, {3 * row, 2 * row}} {
		fill++
		data := slices.Repeat([]byte{fill, 2, 3, 4}, part[1]/4)
		copy(want[part[0]:], data)
		check(t, d.Write(texels, uint64(part[0]), data))
		got, err := d.read(texels)
		check(t, err)
		if !slices.Equal(got, want) {
			t.Fatalf("not as written after %d bytes at %d", part[1], part[0])
		}
	}
	for _, part := range [][2]int{{4, 16}, {0, 8}, {5*row - 16, 32}} {
		if err := d.Write(texels, uint64(part[0]), make([]byte, part[1])); err == nil {
			t.Errorf("%d bytes at %d: no error", part[1], part[0])
		}
	}

	n := 2*shaders.TexelColumns + 3 // texels: rows, and a part of one
	values := make([]float32, 4*n)
	for i := range values {
		values[i] = float32(i)
	}
	x, err := d.UploadFloats("x", values, n, 4)
	check(t, err)
	stage, rows, err := d.Stage(4)
	check(t, err)
	if rows < n {
		t.Fatalf("the stage holds %d rows", rows)
	}
	y, err := d.New("y", F32, n, 4)
	check(t, err)
	r := d.Record()
	for range 2 { // the second time the texture has been read
		r.CopyRows(stage, 0, x, 0, n)
		r.Dispatch(Dispatch{Kernel: shaders.Variant{Kernel: "gather"}, Params: struct{ N uint32 }{uint32(n)}, Read: []Tensor{stage}, Write: y, Groups: [3]int{(n + 63) / 64}})
	}
	check(t, r.Submit())
	got, err := d.Floats(y)
	check(t, err)
	for i := range n {
		if !slices.Equal(got[4*i:4*i+4], values[4*(n-1-i):4*(n-i)]) {
			t.Fatalf("texel %d is read as %v", n-1-i, got[4*i:4*i+4])
		}
	}
	if _, rows, _ := d.Stage(stageFloats + 4); rows != 0 {
		t.Errorf("the stage holds %d rows that are longer than it", rows)
	}
	for name, copied := range map[string]func(r *Recorder){
		"from a texture":     func(r *Recorder) { r.CopyRows(x, 0, stage, 0, 1) },
		"into its middle":    func(r *Recorder) { r.CopyRows(stage, 1, x, 0, 1) },
		"of rows of another": func(r *Recorder) { r.CopyRows(stage, 0, y.Rows(1), 0, 2) },
	} {
		r := d.Record()
		copied(r)
		if err := r.Submit(); err == nil {
			t.Errorf("copy %s: no error", name)
		}
	}
	d.Free(texels, x, y)
	if now, _ := d.Used(); now != FixedBytes {
		t.Errorf("%d bytes are still in use", now)
	}
}

// A matrix that is larger than a texture is cut into shards of whole textures.
func TestTexelShards(t *testing.T) {
	d := textured(t, Options{})
	const rowBytes = 1 << 22
	m, err := d.NewMatrix("w", "f32", 40, rowBytes/4, []int{rowBytes})
	check(t, err)
	defer d.FreeMatrix(m)
	if len(m.Shards) != 2 || m.Shards[0].Rows%2 != 0 || m.Shards[1].First != m.Shards[0].Rows {
		t.Fatalf("%d shards, the first of %d rows", len(m.Shards), m.Shards[0].Rows)
	}
	number := func(row int) uint32 { return uint32(row)*7 + 1 }
	check(t, d.FillMatrix(m, []int{rowBytes}, func(from, to int) ([][]byte, error) {
		data := make([]byte, (to-from)*rowBytes)
		for row := from; row < to; row++ {
			binary.LittleEndian.PutUint32(data[(row-from+1)*rowBytes-4:], number(row))
		}
		return [][]byte{data}, nil
	}))
	for _, s := range m.Shards {
		got, err := d.Ints(s.Parts[0])
		check(t, err)
		for row := range s.Rows {
			if last := got[(row+1)*rowBytes/4-1]; last != number(s.First+row) {
				t.Errorf("row %d ends with %d", s.First+row, last)
			}
		}
	}
	if _, err := d.newTexels("too large", "r32uint", U32, texelRows+1, shaders.TexelColumns); err == nil {
		t.Error("a texture of too many rows: no error")
	}
}
