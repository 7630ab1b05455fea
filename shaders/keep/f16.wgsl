// f16: half floats, two to a word. Beyond ±65504 they are infinite, and one such
// key would make every later softmax NaN.

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

fn half4(v: vec4<f32>) -> vec2<u32> {
    let c = clamp(v, vec4(-65504.0), vec4(65504.0));
    return vec2(pack2x16float(c.xy), pack2x16float(c.zw));
}
