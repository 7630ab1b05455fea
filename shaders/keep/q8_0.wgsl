// q8_0: signed bytes, the largest of 32 becoming ±127; their scale lies before them.

import package::lib::kept::block32;

@group(1) @binding(0) var<storage, read_write> keys: array<u32>;      // [positions, blocks * 9]
@group(1) @binding(1) var<storage, read_write> values: array<u32>;    // [positions, blocks * 9]

const UNIT: u32 = 8u;    // quads that go together, and share a scale

// keep_key writes unit i.
fn keep_key(i: u32, v: array<vec4<f32>, UNIT>) {
    var words = block32(v);
    for (var k = 0u; k < 9u; k++) {
        keys[9u * i + k] = words[k];
    }
}

// keep_value writes unit i.
fn keep_value(i: u32, v: array<vec4<f32>, UNIT>) {
    var words = block32(v);
    for (var k = 0u; k < 9u; k++) {
        values[9u * i + k] = words[k];
    }
}
