// q4_1: w = d·q + m, q of 4 bits; 32 weights share d and m.

import package::lib::ints::Ints;
import package::lib::nibbles::{Step, EVEN, ODD, step_quad, dot_step};
import package::lib::blocks::{SPAN_OCTETS, Span, load_span};

@group(1) @binding(0) var<storage, read> q4_1_words: array<vec4<u32>>;     // [rows, cols/32]
@group(1) @binding(1) var<storage, read> q4_1_scales: array<u32>;    // [rows, cols/32], d and m

// q4_1_codes returns q of the octet at index k. The first four lie in the low
// halves of the word's bytes.
fn q4_1_codes(k: u32) -> array<vec4<f32>, 2> {
    let w = q4_1_words[k >> 2u][k & 3u];
    return array(
        vec4<f32>(unpack4xU8(w & 0x0f0f0f0fu)),
        vec4<f32>(unpack4xU8((w >> 4u) & 0x0f0f0f0fu)),
    );
}

// load8 returns the octet of weights at index k.
fn load8(k: u32) -> array<vec4<f32>, 2> {
    let q = q4_1_codes(k);
    let s = unpack2x16float(q4_1_scales[k >> 2u]);
    return array(q[0] * s.x + s.y, q[1] * s.x + s.y);
}

// load_ints returns block i of 32 weights as codes.
fn load_ints(i: u32) -> Ints {
    let w = q4_1_words[i];
    let scale = unpack2x16float(q4_1_scales[i]).xxyy;
    return Ints(w & vec4(0x0f0f0f0fu), (w >> vec4(4u)) & vec4(0x0f0f0f0fu), scale);
}

// load_step returns the block that begins with octet k.
fn load_step(k: u32, i: u32, last: u32, span: Span) -> Step {
    return Step(q4_1_words[k >> 2u], unpack2x16float(q4_1_scales[k >> 2u]).xxyy);
}
