// Keys and values as a cache keeps them.

// half2 packs half floats. Beyond ±65504 they are infinite, and one such key would make
// every later softmax NaN.
fn half2(v: vec2<f32>) -> u32 {
    return pack2x16float(clamp(v, vec2(-65504.0), vec2(65504.0)));
}

fn half4(v: vec4<f32>) -> vec2<u32> {
    return vec2(half2(v.xy), half2(v.zw));
}

// block32 packs 32 signed bytes, the largest becoming ±127, behind their scale.
fn block32(v: array<vec4<f32>, 8>) -> array<u32, 9> {
    let most = max(
        max(max(abs(v[0]), abs(v[1])), max(abs(v[2]), abs(v[3]))),
        max(max(abs(v[4]), abs(v[5])), max(abs(v[6]), abs(v[7]))),
    );
    let scale = max(max(most.x, most.y), max(most.z, most.w)) / 127.0;
    let inverse = select(0.0, 1.0 / scale, scale > 0.0);
    var list = v;
    var words: array<u32, 9>;
    words[0] = bitcast<u32>(scale);
    for (var k = 0u; k < 8u; k++) {
        words[k + 1u] = pack4xI8(vec4<i32>(round(list[k] * inverse)));
    }
    return words;
}
