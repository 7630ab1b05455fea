// q8_0: w = d·q, a signed byte for each weight; 32 weights share d.

import package::lib::ints::Ints;

@group(1) @binding(0) var<storage, read> q8_0_words: array<vec4<u32>>;    // [rows, cols/16]
@group(1) @binding(1) var<storage, read> q8_0_scales: array<u32>;         // [rows, cols/64], two half floats

// q8_0_scale returns d of the octet at index k: the half that bit 2 of k names.
fn q8_0_scale(k: u32) -> f32 {
    return unpack2x16float(q8_0_scales[k >> 3u] >> ((k & 4u) << 2u)).x;
}

// q8_0_octet returns the two words of the octet at index k.
fn q8_0_octet(k: u32) -> vec2<u32> {
    let w = q8_0_words[k >> 1u];
    return select(w.xy, w.zw, vec2((k & 1u) == 1u));
}

// load8 returns the octet of weights at index k.
fn load8(k: u32) -> array<vec4<f32>, 2> {
    let w = q8_0_octet(k);
    let d = q8_0_scale(k);
    return array(vec4<f32>(unpack4xI8(w.x)) * d, vec4<f32>(unpack4xI8(w.y)) * d);
}

// dot8 multiplies the octet at index k with eight activations.
fn dot8(k: u32, lo: vec4<f32>, hi: vec4<f32>) -> f32 {
    let w = q8_0_octet(k);
    return (dot(vec4<f32>(unpack4xI8(w.x)), lo) + dot(vec4<f32>(unpack4xI8(w.y)), hi)) * q8_0_scale(k);
}

const STEP: u32 = 4u;    // octets that load_step returns

// load_step returns the block of 32 weights that begins with octet k.
fn load_step(k: u32) -> array<vec4<f32>, 8> {
    let a = q8_0_words[k >> 1u];
    let b = q8_0_words[(k >> 1u) + 1u];
    let s = q8_0_scale(k);
    return array(
        vec4<f32>(unpack4xI8(a.x)) * s, vec4<f32>(unpack4xI8(a.y)) * s,
        vec4<f32>(unpack4xI8(a.z)) * s, vec4<f32>(unpack4xI8(a.w)) * s,
        vec4<f32>(unpack4xI8(b.x)) * s, vec4<f32>(unpack4xI8(b.y)) * s,
        vec4<f32>(unpack4xI8(b.z)) * s, vec4<f32>(unpack4xI8(b.w)) * s,
    );
}

// load_ints returns block i of 32 weights as codes.
fn load_ints(i: u32) -> Ints {
    let a = q8_0_words[2u * i];
    let b = q8_0_words[2u * i + 1u];
    return Ints(vec4(a.xz, b.xz), vec4(a.yw, b.yw), vec4(vec2(q8_0_scale(4u * i)), 0.0, 0.0));
}
