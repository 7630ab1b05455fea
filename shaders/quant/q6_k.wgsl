// q6_k: w = d·s·(q-32), q of 6 bits; 16 weights share the signed byte s, 256
// weights d.

import package::lib::ints::Ints;

@group(1) @binding(0) var<storage, read> q6_k_words: array<vec4<u32>>;     // [rows, cols/32], four bits of each
@group(1) @binding(1) var<storage, read> q6_k_tops: array<u32>;      // [rows, cols/16], two bits of each
@group(1) @binding(2) var<storage, read> q6_k_steps: array<u32>;     // [rows, cols/64], four s
@group(1) @binding(3) var<storage, read> q6_k_scales: array<f32>;    // [rows, cols/256], d

// q6_k_codes returns q-32 of the octet at index k. The first four lie in the low
// halves of the word's bytes; their top bits are the lowest of each half byte
// of the other word, the half that bit 0 of k names, and those of the last
// four lie above them.
fn q6_k_codes(k: u32) -> array<vec4<f32>, 2> {
    let w = q6_k_words[k >> 2u][k & 3u];
    let top = q6_k_tops[k >> 1u] >> ((k & 1u) << 2u);
    return array(
        vec4<f32>(unpack4xU8((w & 0x0f0f0f0fu) | ((top << 4u) & 0x30303030u))) - 32.0,
        vec4<f32>(unpack4xU8(((w >> 4u) & 0x0f0f0f0fu) | ((top << 2u) & 0x30303030u))) - 32.0,
    );
}

// q6_k_scale returns d·s of the octet at index k.
fn q6_k_scale(k: u32) -> f32 {
    let s = bitcast<i32>(q6_k_steps[k >> 3u] << (24u - ((k & 6u) << 2u))) >> 24u;
    return q6_k_scales[k >> 5u] * f32(s);
}

// load8 returns the octet of weights at index k.
fn load8(k: u32) -> array<vec4<f32>, 2> {
    let q = q6_k_codes(k);
    let s = q6_k_scale(k);
    return array(q[0] * s, q[1] * s);
}

// dot8 multiplies the octet at index k with eight activations.
fn dot8(k: u32, lo: vec4<f32>, hi: vec4<f32>) -> f32 {
    let q = q6_k_codes(k);
    return (dot(q[0], lo) + dot(q[1], hi)) * q6_k_scale(k);
}

const STEP: u32 = 4u;    // octets that load_step returns

// load_step returns the block of 32 weights that begins with octet k.
fn load_step(k: u32) -> array<vec4<f32>, 8> {
    let w = q6_k_words[k >> 2u];
    let a = q6_k_tops[k >> 1u];
    let b = q6_k_tops[(k >> 1u) + 1u];
    let top = vec4(a, a >> 4u, b, b >> 4u);
    let lo = (w & vec4(0x0f0f0f0fu)) | ((top << vec4(4u)) & vec4(0x30303030u));
    let hi = ((w >> vec4(4u)) & vec4(0x0f0f0f0fu)) | ((top << vec4(2u)) & vec4(0x30303030u));
    let s = q6_k_scale(k);
    let t = q6_k_scale(k + 2u);
    return array(
        (vec4<f32>(unpack4xU8(lo.x)) - 32.0) * s, (vec4<f32>(unpack4xU8(hi.x)) - 32.0) * s,
        (vec4<f32>(unpack4xU8(lo.y)) - 32.0) * s, (vec4<f32>(unpack4xU8(hi.y)) - 32.0) * s,
        (vec4<f32>(unpack4xU8(lo.z)) - 32.0) * t, (vec4<f32>(unpack4xU8(hi.z)) - 32.0) * t,
        (vec4<f32>(unpack4xU8(lo.w)) - 32.0) * t, (vec4<f32>(unpack4xU8(hi.w)) - 32.0) * t,
    );
}

// load_ints returns block i of 32 weights as codes.
fn load_ints(i: u32) -> Ints {
    let w = q6_k_words[i];
    let a = q6_k_tops[2u * i];
    let b = q6_k_tops[2u * i + 1u];
    let top = vec4(a, a >> 4u, b, b >> 4u);
    let lo = (w & vec4(0x0f0f0f0fu)) | ((top << vec4(4u)) & vec4(0x30303030u));
    let hi = ((w >> vec4(4u)) & vec4(0x0f0f0f0fu)) | ((top << vec4(2u)) & vec4(0x30303030u));
    let s = vec2(q6_k_scale(4u * i), q6_k_scale(4u * i + 2u));
    return Ints(lo, hi, vec4(s, -32.0 * s));
}
