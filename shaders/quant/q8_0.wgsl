// q8_0: w = d·q, a signed byte for each weight; 32 weights share d.

@group(1) @binding(0) var<storage, read> q8_0_words: array<vec2<u32>>;    // [rows, cols/8]
@group(1) @binding(1) var<storage, read> q8_0_scales: array<u32>;         // [rows, cols/64], two half floats

// q8_0_scale returns d of the octet at index k: the half that bit 2 of k names.
fn q8_0_scale(k: u32) -> f32 {
    return unpack2x16float(q8_0_scales[k >> 3u] >> ((k & 4u) << 2u)).x;
}

// load8 returns the octet of weights at index k.
fn load8(k: u32) -> array<vec4<f32>, 2> {
    let w = q8_0_words[k];
    let d = q8_0_scale(k);
    return array(vec4<f32>(unpack4xI8(w.x)) * d, vec4<f32>(unpack4xI8(w.y)) * d);
}

// dot8 multiplies the octet at index k with eight activations.
fn dot8(k: u32, lo: vec4<f32>, hi: vec4<f32>) -> f32 {
    let w = q8_0_words[k];
    return (dot(vec4<f32>(unpack4xI8(w.x)), lo) + dot(vec4<f32>(unpack4xI8(w.y)), hi)) * q8_0_scale(k);
}
