// q8_0: w = d·q, a signed byte for each weight; 32 weights share d.

import package::lib::ints::Ints;
import package::lib::codes::step_sum;
import package::lib::blocks::{SPAN_OCTETS, Span, load_span};

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

// load_ints returns block i of 32 weights as codes.
fn load_ints(i: u32) -> Ints {
    let a = q8_0_words[2u * i];
    let b = q8_0_words[2u * i + 1u];
    return Ints(vec4(a.xz, b.xz), vec4(a.yw, b.yw), vec4(vec2(q8_0_scale(4u * i)), 0.0, 0.0));
}

// load_step returns the block that begins with octet k.
fn load_step(k: u32, i: u32, last: u32, span: Span) -> Step {
    return load_ints(k >> 2u);
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
