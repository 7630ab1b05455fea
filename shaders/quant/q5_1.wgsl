// q5_1: w = d·q + m, q of 5 bits; 32 weights share d and m.

import package::lib::ints::load_ints;
import package::lib::bytes::{Step, EVEN, ODD, step_quad};
import package::lib::codes::dot_step;
import package::lib::fifths::{with_fifths, ints_of};
import package::lib::blocks::{SPAN_OCTETS, Span, load_span};

@group(1) @binding(0) var<storage, read> q5_1_words: array<vec4<u32>>;     // [rows, cols/32], four bits of each
@group(1) @binding(1) var<storage, read> q5_1_fifths: array<u32>;    // [rows, cols/32], one bit of each
@group(1) @binding(2) var<storage, read> q5_1_scales: array<u32>;    // [rows, cols/32], d and m

// q5_1_codes returns q of the octet at index k. The first four lie in the low
// halves of the word's bytes; their fifth bits are bit k % 4 of the bytes of
// the other word, and those of the last four, bit k % 4 + 4.
fn q5_1_codes(k: u32) -> array<vec4<f32>, 2> {
    let w = q5_1_words[k >> 2u][k & 3u];
    let high = q5_1_fifths[k >> 2u] >> (k & 3u);
    return array(
        vec4<f32>(unpack4xU8((w & 0x0f0f0f0fu) | ((high << 4u) & 0x10101010u))),
        vec4<f32>(unpack4xU8(((w >> 4u) & 0x0f0f0f0fu) | (high & 0x10101010u))),
    );
}

// load8 returns the octet of weights at index k.
fn load8(k: u32) -> array<vec4<f32>, 2> {
    let q = q5_1_codes(k);
    let s = unpack2x16float(q5_1_scales[k >> 2u]);
    return array(q[0] * s.x + s.y, q[1] * s.x + s.y);
}

struct Words {
    words: vec4<u32>,
    fifths: u32,
    scale: u32,
}

// load_words returns the words of the block that begins with octet k.
fn load_words(k: u32, last: u32) -> Words {
    return Words(q5_1_words[k >> 2u], q5_1_fifths[k >> 2u], q5_1_scales[k >> 2u]);
}

// step_of returns the block of these words.
fn step_of(w: Words, k: u32, i: u32, span: Span) -> Step {
    return with_fifths(w.words, w.fifths, unpack2x16float(w.scale));
}
