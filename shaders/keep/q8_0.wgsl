// q8_0: signed bytes, the largest of 32 becoming ±127; their scale lies before them.

@group(1) @binding(0) var<storage, read_write> keys: array<u32>;      // [positions, blocks * 9]
@group(1) @binding(1) var<storage, read_write> values: array<u32>;    // [positions, blocks * 9]

const UNIT: u32 = 8u;    // quads that go together, and share a scale

// keep_key writes unit i.
fn keep_key(i: u32, v: array<vec4<f32>, UNIT>) {
    var list = v;
    let scale = scale32(list);
    let inverse = select(0.0, 1.0 / scale, scale > 0.0);
    keys[9u * i] = bitcast<u32>(scale);
    for (var k = 0u; k < UNIT; k++) {
        keys[9u * i + 1u + k] = pack4xI8(vec4<i32>(round(list[k] * inverse)));
    }
}

// keep_value writes unit i.
fn keep_value(i: u32, v: array<vec4<f32>, UNIT>) {
    var list = v;
    let scale = scale32(list);
    let inverse = select(0.0, 1.0 / scale, scale > 0.0);
    values[9u * i] = bitcast<u32>(scale);
    for (var k = 0u; k < UNIT; k++) {
        values[9u * i + 1u + k] = pack4xI8(vec4<i32>(round(list[k] * inverse)));
    }
}

fn scale32(v: array<vec4<f32>, UNIT>) -> f32 {
    let most = max(
        max(max(abs(v[0]), abs(v[1])), max(abs(v[2]), abs(v[3]))),
        max(max(abs(v[4]), abs(v[5])), max(abs(v[6]), abs(v[7]))),
    );
    return max(max(most.x, most.y), max(most.z, most.w)) / 127.0;
}
