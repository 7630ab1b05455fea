// q5_0: w = d·(q-16), q of 5 bits; 32 weights share d.

import package::lib::ints::load_ints;
import package::lib::bytes::{Step, EVEN, ODD, step_quad};
import package::lib::codes::dot_step;
import package::lib::fifths::{with_fifths, ints_of};
import package::lib::pairs::{SPAN_OCTETS, Span, half_scale};

@group(1) @binding(0) var<storage, read> q5_0_words: array<vec4<u32>>;     // [rows, cols/32], four bits of each
@group(1) @binding(1) var<storage, read> q5_0_fifths: array<u32>;    // [rows, cols/32], one bit of each
@group(1) @binding(2) var<storage, read> q5_0_scales: array<u32>;    // [rows, cols/64], two half floats

// q5_0_codes returns q-16 of the octet at index k. The first four lie in the low
// halves of the word's bytes; their fifth bits are bit k % 4 of the bytes of
// the other word, and those of the last four, bit k % 4 + 4.
fn q5_0_codes(k: u32) -> array<vec4<f32>, 2> {
    let w = q5_0_words[k >> 2u][k & 3u];
    let high = q5_0_fifths[k >> 2u] >> (k & 3u);
    return array(
        vec4<f32>(unpack4xU8((w & 0x0f0f0f0fu) | ((high << 4u) & 0x10101010u))) - 16.0,
        vec4<f32>(unpack4xU8(((w >> 4u) & 0x0f0f0f0fu) | (high & 0x10101010u))) - 16.0,
    );
}

// q5_0_scale returns d of the octet at index k.
fn q5_0_scale(k: u32) -> f32 {
    return half_scale(k, q5_0_scales[k >> 3u]);
}

// load8 returns the octet of weights at index k.
fn load8(k: u32) -> array<vec4<f32>, 2> {
    let q = q5_0_codes(k);
    let d = q5_0_scale(k);
    return array(q[0] * d, q[1] * d);
}

struct Words {
    words: vec4<u32>,
    fifths: u32,
}

// load_words returns the words of the block that begins with octet k.
fn load_words(k: u32, last: u32) -> Words {
    return Words(q5_0_words[k >> 2u], q5_0_fifths[k >> 2u]);
}

// load_span returns the scales of the blocks that begin with octet k.
fn load_span(k: u32) -> Span {
    return q5_0_scales[k >> 3u];
}

// step_of returns the block that begins with octet k.
fn step_of(w: Words, k: u32, i: u32, span: Span) -> Step {
    let d = half_scale(k, span);
    return with_fifths(w.words, w.fifths, vec2(d, -16.0 * d));
}
