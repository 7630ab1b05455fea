// Keys and values in full precision.

@group(1) @binding(0) var<storage, read> keys: array<vec4<f32>>;      // [positions, kv_heads * head_dim / 4]
@group(1) @binding(1) var<storage, read> values: array<vec4<f32>>;    // [positions, kv_heads * head_dim / 4]

// key4 returns four neighbouring elements of the keys.
fn key4(i: u32) -> vec4<f32> {
    return keys[i];
}

// value4 returns four neighbouring elements of the values.
fn value4(i: u32) -> vec4<f32> {
    return values[i];
}
