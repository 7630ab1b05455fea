// f16: half floats, two to a word.

import package::lib::kept::half4;

@group(1) @binding(0) var<storage, read_write> keys: array<vec2<u32>>;      // [positions, quads]
@group(1) @binding(1) var<storage, read_write> values: array<vec2<u32>>;    // [positions, quads]

const UNIT: u32 = 1u;    // quads that go together

// keep_key writes unit i.
fn keep_key(i: u32, v: array<vec4<f32>, UNIT>) {
    keys[i] = half4(v[0]);
}

// keep_value writes unit i.
fn keep_value(i: u32, v: array<vec4<f32>, UNIT>) {
    values[i] = half4(v[0]);
}
