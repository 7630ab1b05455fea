// q4_0: w = d·(q-8), q of 4 bits; 32 weights share d.

import package::lib::ints::Ints;

@group(1) @binding(0) var<storage, read> q4_0_words: array<vec4<u32>>;     // [rows, cols/32]
@group(1) @binding(1) var<storage, read> q4_0_scales: array<u32>;    // [rows, cols/64], two half floats

// q4_0_codes returns q-8 of the octet at index k. The first four lie in the low
// halves of the word's bytes.
fn q4_0_codes(k: u32) -> array<vec4<f32>, 2> {
    let w = q4_0_words[k >> 2u][k & 3u];
    return array(
        vec4<f32>(unpack4xU8(w & 0x0f0f0f0fu)) - 8.0,
        vec4<f32>(unpack4xU8((w >> 4u) & 0x0f0f0f0fu)) - 8.0,
    );
}

// q4_0_scale returns d of the octet at index k: the half that bit 2 of k names.
fn q4_0_scale(k: u32) -> f32 {
    return unpack2x16float(q4_0_scales[k >> 3u] >> ((k & 4u) << 2u)).x;
}

// load8 returns the octet of weights at index k.
fn load8(k: u32) -> array<vec4<f32>, 2> {
    let q = q4_0_codes(k);
    let d = q4_0_scale(k);
    return array(q[0] * d, q[1] * d);
}

// dot8 multiplies the octet at index k with eight activations.
fn dot8(k: u32, lo: vec4<f32>, hi: vec4<f32>) -> f32 {
    let q = q4_0_codes(k);
    return (dot(q[0], lo) + dot(q[1], hi)) * q4_0_scale(k);
}

const STEP: u32 = 4u;    // octets that load_step returns

// load_step returns the block of 32 weights that begins with octet k.
fn load_step(k: u32) -> array<vec4<f32>, 8> {
    let w = q4_0_words[k >> 2u];
    let lo = w & vec4(0x0f0f0f0fu);
    let hi = (w >> vec4(4u)) & vec4(0x0f0f0f0fu);
    let s = q4_0_scale(k);
    return array(
        (vec4<f32>(unpack4xU8(lo.x)) - 8.0) * s, (vec4<f32>(unpack4xU8(hi.x)) - 8.0) * s,
        (vec4<f32>(unpack4xU8(lo.y)) - 8.0) * s, (vec4<f32>(unpack4xU8(hi.y)) - 8.0) * s,
        (vec4<f32>(unpack4xU8(lo.z)) - 8.0) * s, (vec4<f32>(unpack4xU8(hi.z)) - 8.0) * s,
        (vec4<f32>(unpack4xU8(lo.w)) - 8.0) * s, (vec4<f32>(unpack4xU8(hi.w)) - 8.0) * s,
    );
}

// load_ints returns block i of 32 weights as codes.
fn load_ints(i: u32) -> Ints {
    let w = q4_0_words[i];
    let s = q4_0_scale(4u * i);
    let scale = vec4(s, s, -8.0 * s, -8.0 * s);
    return Ints(w & vec4(0x0f0f0f0fu), (w >> vec4(4u)) & vec4(0x0f0f0f0fu), scale);
}
