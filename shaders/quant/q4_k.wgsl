// q4_k: w = d·s·q - dmin·m, q of 4 bits; 32 weights share s and m of 6 bits,
// 256 weights d and dmin.

import package::lib::ints::load_ints;
import package::lib::nibbles::{Step, EVEN, ODD, ints_of, step_quad};
import package::lib::codes::dot_step;
import package::lib::scales::{Scales, scales_of, scale_at};

@group(1) @binding(0) var<storage, read> q4_k_words: array<vec4<u32>>;           // [rows, cols/32]
@group(1) @binding(1) var<storage, read> q4_k_scales: array<vec4<u32>>;    // [rows, cols/256]

// q4_k_codes returns q of the octet at index k. The first four lie in the low
// halves of the word's bytes.
fn q4_k_codes(k: u32) -> array<vec4<f32>, 2> {
    let w = q4_k_words[k >> 2u][k & 3u];
    return array(
        vec4<f32>(unpack4xU8(w & 0x0f0f0f0fu)),
        vec4<f32>(unpack4xU8((w >> 4u) & 0x0f0f0f0fu)),
    );
}

// load8 returns the octet of weights at index k.
fn load8(k: u32) -> array<vec4<f32>, 2> {
    let q = q4_k_codes(k);
    let s = scale_at(k, scales_of(q4_k_scales[k >> 5u]));
    return array(q[0] * s.x - s.y, q[1] * s.x - s.y);
}

const SPAN_OCTETS: u32 = 32u;    // octets that share a Span

alias Span = vec4<u32>;

// load_span returns what the octets from k on share.
fn load_span(k: u32) -> Span {
    return q4_k_scales[k >> 5u];
}

alias Words = vec4<u32>;

// load_words returns the words of the 32 weights that begin with octet k.
fn load_words(k: u32, last: u32) -> Words {
    return q4_k_words[k >> 2u];
}

// step_of returns the 32 weights of these words, which begin with octet i of their span.
fn step_of(w: Words, k: u32, i: u32, span: Span) -> Step {
    let s = scale_at(i, scales_of(span));
    return Step(w, vec2(s.x, -s.y));
}
