// q4_1: w = d·q + m, q of 4 bits; 32 weights share d and m.

import package::lib::ints::load_ints;
import package::lib::nibbles::{Step, EVEN, ODD, ints_of, step_quad};
import package::lib::codes::dot_step;
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

struct Words {
    words: vec4<u32>,
    scale: u32,
}

// load_words returns the words of the block that begins with octet k.
fn load_words(k: u32, last: u32) -> Words {
    return Words(q4_1_words[k >> 2u], q4_1_scales[k >> 2u]);
}

// step_of returns the block of these words.
fn step_of(w: Words, k: u32, i: u32, span: Span) -> Step {
    return Step(w.words, unpack2x16float(w.scale));
}
