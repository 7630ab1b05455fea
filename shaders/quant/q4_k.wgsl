// q4_k: w = d·s·q - dmin·m, q of 4 bits; 32 weights share s and m of 6 bits,
// 256 weights d and dmin.

import package::lib::ints::Ints;

@group(1) @binding(0) var<storage, read> q4_k_words: array<vec4<u32>>;           // [rows, cols/32]
@group(1) @binding(1) var<storage, read> q4_k_scales: array<vec4<u32>>;    // [rows, cols/256]

// q4_k_codes returns q of the octet at index k. The first four lie in the low
// halves of the word's bytes.
fn q4_k_codes(k: u32) -> array<vec4<f32>, 2> {
    let w = q4_k_words[k >> 2u][k & 3u];
    return array(
        vec4<f32>(unpack4xU8(w & 0x0f0f0f0fu)),
        vec4<f32>(unpack4xU8((w >> 4u) & 0x0f0f0f0fu)),
    );
}

// q4_k_scale returns d·s and dmin·m of the octet at index k. The words of a
// block: d and dmin; four bits of each s; of each m; two of each s and each m.
fn q4_k_scale(k: u32) -> vec2<f32> {
    let block = q4_k_scales[k >> 5u];
    let j = (k >> 2u) & 7u;
    let low = (block.yz >> vec2(4u * j)) & vec2(15u);
    let top = (vec2(block.w, block.w >> 16u) >> vec2(2u * j)) & vec2(3u);
    return unpack2x16float(block.x) * vec2<f32>(low | (top << vec2(4u)));
}

// load8 returns the octet of weights at index k.
fn load8(k: u32) -> array<vec4<f32>, 2> {
    let q = q4_k_codes(k);
    let s = q4_k_scale(k);
    return array(q[0] * s.x - s.y, q[1] * s.x - s.y);
}

// dot8 multiplies the octet at index k with eight activations.
fn dot8(k: u32, lo: vec4<f32>, hi: vec4<f32>) -> f32 {
    let q = q4_k_codes(k);
    let s = q4_k_scale(k);
    return (dot(q[0], lo) + dot(q[1], hi)) * s.x - dot(lo + hi, vec4(1.0)) * s.y;
}

const STEP: u32 = 4u;    // octets that load_step returns

// load_step returns the block of 32 weights that begins with octet k.
fn load_step(k: u32) -> array<vec4<f32>, 8> {
    let w = q4_k_words[k >> 2u];
    let lo = w & vec4(0x0f0f0f0fu);
    let hi = (w >> vec4(4u)) & vec4(0x0f0f0f0fu);
    let s = q4_k_scale(k);
    return array(
        vec4<f32>(unpack4xU8(lo.x)) * s.x - s.y, vec4<f32>(unpack4xU8(hi.x)) * s.x - s.y,
        vec4<f32>(unpack4xU8(lo.y)) * s.x - s.y, vec4<f32>(unpack4xU8(hi.y)) * s.x - s.y,
        vec4<f32>(unpack4xU8(lo.z)) * s.x - s.y, vec4<f32>(unpack4xU8(hi.z)) * s.x - s.y,
        vec4<f32>(unpack4xU8(lo.w)) * s.x - s.y, vec4<f32>(unpack4xU8(hi.w)) * s.x - s.y,
    );
}

// load_ints returns block i of 32 weights as codes.
fn load_ints(i: u32) -> Ints {
    let w = q4_k_words[i];
    let scale = q4_k_scale(4u * i).xxyy * vec4(1.0, 1.0, -1.0, -1.0);
    return Ints(w & vec4(0x0f0f0f0fu), (w >> vec4(4u)) & vec4(0x0f0f0f0fu), scale);
}
