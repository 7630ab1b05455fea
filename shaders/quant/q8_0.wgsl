// q8_0: w = d·q, a signed byte for each weight; 32 weights share d.

import package::lib::ints::{Ints, load_ints};
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

// load_span returns the scales of the blocks that begin with octet k.
fn load_span(k: u32) -> Span {
    return q8_0_scales[k >> 3u];
}

alias Words = array<vec4<u32>, 2>;

// load_words returns the words of the block that begins with octet k.
fn load_words(k: u32, last: u32) -> Words {
    return Words(q8_0_words[k >> 1u], q8_0_words[(k >> 1u) + 1u]);
}

// A Step is a block. The words of lo are the first four codes of each octet, those of hi
// the last four.
struct Step {
    lo: vec4<u32>,
    hi: vec4<u32>,
    d: f32,
}

// step_of returns the block that begins with octet k.
fn step_of(w: Words, k: u32, i: u32, span: Span) -> Step {
    return Step(vec4(w[0].xz, w[1].xz), vec4(w[0].yw, w[1].yw), half_scale(k, span));
}

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
    return (codes.x + codes.y) * w.d;
}

fn ints_of(w: Step) -> Ints {
    return Ints(w.lo, w.hi, vec4(vec2(w.d), 0.0, 0.0));
}
