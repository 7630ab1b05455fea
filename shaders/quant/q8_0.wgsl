// q8_0: w = d·q, a signed byte for each weight; 32 weights share d.

import package::lib::ints::Ints;
import package::lib::codes::step_sum;
import package::lib::pairs::{SPAN_OCTETS, Span, half_scale};

@group(1) @binding(0) var<storage, read> q8_0_words: array<vec4<u32>>;    // [rows, cols/16]
@group(1) @binding(1) var<storage, read> q8_0_scales: array<u32>;         // [rows, cols/64], two half floats

// q8_0_scale returns d of the octet at index k.
fn q8_0_scale(k: u32) -> f32 {
    return half_scale(k, q8_0_scales[k >> 3u]);
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

// q8_0_block returns block i of 32 weights, of scale d, as codes.
fn q8_0_block(i: u32, d: f32) -> Ints {
    let a = q8_0_words[2u * i];
    let b = q8_0_words[2u * i + 1u];
    return Ints(vec4(a.xz, b.xz), vec4(a.yw, b.yw), vec4(vec2(d), 0.0, 0.0));
}

// load_ints returns block i of 32 weights as codes.
fn load_ints(i: u32) -> Ints {
    return q8_0_block(i, q8_0_scale(4u * i));
}

// load_span returns the scales of the blocks that begin with octet k.
fn load_span(k: u32) -> Span {
    return q8_0_scales[k >> 3u];
}

// load_step returns the block that begins with octet k.
fn load_step(k: u32, i: u32, last: u32, span: Span) -> Step {
    return q8_0_block(k >> 2u, half_scale(k, span));
}

alias Step = Ints;

// What activations are multiplied with: codes are taken in the uppermost byte, with
// their sign.
const EVEN = vec4<f32>(0x1p-24);
const ODD = EVEN;

// step_quad returns codes 4q to 4q+3, each 2^24 times what it is.
fn step_quad(w: Step, q: u32) -> vec4<f32> {
    let word = select(w.lo[q / 2u], w.hi[q / 2u], q % 2u == 1u);
    return vec4<f32>(bitcast<vec4<i32>>(vec4(word << 24u, vec3(word << 16u, word << 8u, word) & vec3(0xff000000u))));
}

fn dot_step(w: Step, codes: vec2<f32>, totals: vec2<f32>) -> f32 {
    return step_sum(vec4(w.scale.xy, 0.0, 0.0), codes, totals);
}
