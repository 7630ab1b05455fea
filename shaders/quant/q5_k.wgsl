// q5_k: w = d·s·q - dmin·m, q of 5 bits; 32 weights share s and m of 6 bits,
// 256 weights d and dmin.

import package::lib::ints::Ints;

@group(1) @binding(0) var<storage, read> q5_k_words: array<vec4<u32>>;           // [rows, cols/32], four bits of each
@group(1) @binding(1) var<storage, read> q5_k_fifths: array<u32>;          // [rows, cols/32], one bit of each
@group(1) @binding(2) var<storage, read> q5_k_scales: array<vec4<u32>>;    // [rows, cols/256]

// q5_k_codes returns q of the octet at index k. The first four lie in the low
// halves of the word's bytes; their fifth bits are bit k % 4 of the bytes of
// the other word, and those of the last four, bit k % 4 + 4.
fn q5_k_codes(k: u32) -> array<vec4<f32>, 2> {
    let w = q5_k_words[k >> 2u][k & 3u];
    let high = q5_k_fifths[k >> 2u] >> (k & 3u);
    return array(
        vec4<f32>(unpack4xU8((w & 0x0f0f0f0fu) | ((high << 4u) & 0x10101010u))),
        vec4<f32>(unpack4xU8(((w >> 4u) & 0x0f0f0f0fu) | (high & 0x10101010u))),
    );
}

// q5_k_scale returns d·s and dmin·m of the octet at index k. The words of a
// block: d and dmin; four bits of each s; of each m; two of each s and each m.
fn q5_k_scale(k: u32) -> vec2<f32> {
    let block = q5_k_scales[k >> 5u];
    let j = (k >> 2u) & 7u;
    let low = (block.yz >> vec2(4u * j)) & vec2(15u);
    let top = (vec2(block.w, block.w >> 16u) >> vec2(2u * j)) & vec2(3u);
    return unpack2x16float(block.x) * vec2<f32>(low | (top << vec2(4u)));
}

// load8 returns the octet of weights at index k.
fn load8(k: u32) -> array<vec4<f32>, 2> {
    let q = q5_k_codes(k);
    let s = q5_k_scale(k);
    return array(q[0] * s.x - s.y, q[1] * s.x - s.y);
}

// dot8 multiplies the octet at index k with eight activations.
fn dot8(k: u32, lo: vec4<f32>, hi: vec4<f32>) -> f32 {
    let q = q5_k_codes(k);
    let s = q5_k_scale(k);
    return (dot(q[0], lo) + dot(q[1], hi)) * s.x - dot(lo + hi, vec4(1.0)) * s.y;
}

const STEP: u32 = 4u;    // octets that load_step returns

// load_step returns the block of 32 weights that begins with octet k.
fn load_step(k: u32) -> array<vec4<f32>, 8> {
    let w = q5_k_words[k >> 2u];
    let high = vec4(q5_k_fifths[k >> 2u]) >> vec4(0u, 1u, 2u, 3u);
    let lo = (w & vec4(0x0f0f0f0fu)) | ((high << vec4(4u)) & vec4(0x10101010u));
    let hi = ((w >> vec4(4u)) & vec4(0x0f0f0f0fu)) | (high & vec4(0x10101010u));
    let s = q5_k_scale(k);
    return array(
        vec4<f32>(unpack4xU8(lo.x)) * s.x - s.y, vec4<f32>(unpack4xU8(hi.x)) * s.x - s.y,
        vec4<f32>(unpack4xU8(lo.y)) * s.x - s.y, vec4<f32>(unpack4xU8(hi.y)) * s.x - s.y,
        vec4<f32>(unpack4xU8(lo.z)) * s.x - s.y, vec4<f32>(unpack4xU8(hi.z)) * s.x - s.y,
        vec4<f32>(unpack4xU8(lo.w)) * s.x - s.y, vec4<f32>(unpack4xU8(hi.w)) * s.x - s.y,
    );
}

// load_ints returns block i of 32 weights as codes.
fn load_ints(i: u32) -> Ints {
    let w = q5_k_words[i];
    let high = vec4(q5_k_fifths[i]) >> vec4(0u, 1u, 2u, 3u);
    let scale = q5_k_scale(4u * i).xxyy * vec4(1.0, 1.0, -1.0, -1.0);
    return Ints((w & vec4(0x0f0f0f0fu)) | ((high << vec4(4u)) & vec4(0x10101010u)), ((w >> vec4(4u)) & vec4(0x0f0f0f0fu)) | (high & vec4(0x10101010u)), scale);
}
