// Keys and values in signed bytes, 32 to a scale: a block is nine words, the
// scale as f32 and then its bytes.

@group(1) @binding(0) var<storage, read> keys: array<u32>;      // [positions, kv_heads * head_dim / 32 * 9]
@group(1) @binding(1) var<storage, read> values: array<u32>;    // [positions, kv_heads * head_dim / 32 * 9]

// key4 returns four neighbouring elements of the keys.
fn key4(i: u32) -> vec4<f32> {
    let block = i / 8u * 9u;
    return vec4<f32>(unpack4xI8(keys[block + 1u + i % 8u])) * bitcast<f32>(keys[block]);
}

// value4 returns four neighbouring elements of the values.
fn value4(i: u32) -> vec4<f32> {
    let block = i / 8u * 9u;
    return vec4<f32>(unpack4xI8(values[block + 1u + i % 8u])) * bitcast<f32>(values[block]);
}
