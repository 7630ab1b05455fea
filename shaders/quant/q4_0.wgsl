// q4_0: w = d·(q-8), q of 4 bits; 32 weights share d.

import package::lib::ints::load_ints;
import package::lib::nibbles::{Step, EVEN, ODD, ints_of, step_quad};
import package::lib::codes::dot_step;
import package::lib::pairs::{SPAN_OCTETS, Span, half_scale};

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

// q4_0_scale returns d of the octet at index k.
fn q4_0_scale(k: u32) -> f32 {
    return half_scale(k, q4_0_scales[k >> 3u]);
}

// load8 returns the octet of weights at index k.
fn load8(k: u32) -> array<vec4<f32>, 2> {
    let q = q4_0_codes(k);
    let d = q4_0_scale(k);
    return array(q[0] * d, q[1] * d);
}

// load_span returns the scales of the blocks that begin with octet k.
fn load_span(k: u32) -> Span {
    return q4_0_scales[k >> 3u];
}

alias Words = vec4<u32>;

// load_words returns the words of the block that begins with octet k.
fn load_words(k: u32, last: u32) -> Words {
    return q4_0_words[k >> 2u];
}

// step_of returns the block that begins with octet k.
fn step_of(w: Words, k: u32, i: u32, span: Span) -> Step {
    let d = half_scale(k, span);
    return Step(w, vec2(d, -8.0 * d));
}
