// Keys and values as half floats, two to a word, low half first.

@group(1) @binding(0) var<storage, read> keys: array<vec2<u32>>;      // [positions, kv_heads * head_dim / 4]
@group(1) @binding(1) var<storage, read> values: array<vec2<u32>>;    // [positions, kv_heads * head_dim / 4]

// key4 returns four neighbouring elements of the keys.
fn key4(i: u32) -> vec4<f32> {
    let w = keys[i];
    return vec4(unpack2x16float(w.x), unpack2x16float(w.y));
}

// value4 returns four neighbouring elements of the values.
fn value4(i: u32) -> vec4<f32> {
    let w = values[i];
    return vec4(unpack2x16float(w.x), unpack2x16float(w.y));
}
