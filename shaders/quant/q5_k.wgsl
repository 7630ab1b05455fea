// q5_k: w = d·s·q - dmin·m, q of 5 bits; 32 weights share s and m of 6 bits,
// 256 weights d and dmin.

import package::lib::ints::load_ints;
import package::lib::bytes::{Step, EVEN, ODD, step_quad};
import package::lib::codes::dot_step;
import package::lib::fifths::{with_fifths, ints_of};
import package::lib::scales::{Scales, scales_of, scale_at};

@group(1) @binding(0) var<storage, read> q5_k_words: array<vec4<u32>>;           // [rows, cols/32], four bits of each
@group(1) @binding(1) var<storage, read> q5_k_fifths: array<vec4<u32>>;          // [rows, cols/128], one bit of each
@group(1) @binding(2) var<storage, read> q5_k_scales: array<vec4<u32>>;    // [rows, cols/256]

// q5_k_codes returns q of the octet at index k. The first four lie in the low
// halves of the word's bytes; their fifth bits are bit k % 4 of the bytes of
// the other word, and those of the last four, bit k % 4 + 4.
fn q5_k_codes(k: u32) -> array<vec4<f32>, 2> {
    let w = q5_k_words[k >> 2u][k & 3u];
    let high = q5_k_fifths[k >> 4u][(k >> 2u) & 3u] >> (k & 3u);
    return array(
        vec4<f32>(unpack4xU8((w & 0x0f0f0f0fu) | ((high << 4u) & 0x10101010u))),
        vec4<f32>(unpack4xU8(((w >> 4u) & 0x0f0f0f0fu) | (high & 0x10101010u))),
    );
}

// load8 returns the octet of weights at index k.
fn load8(k: u32) -> array<vec4<f32>, 2> {
    let q = q5_k_codes(k);
    let s = scale_at(k, scales_of(q5_k_scales[k >> 5u]));
    return array(q[0] * s.x - s.y, q[1] * s.x - s.y);
}

const SPAN_OCTETS: u32 = 32u;    // octets that share a Span

struct Span {
    scales: vec4<u32>,
    fifths: array<vec4<u32>, 2>,
}

// load_span returns what the octets from k on share.
fn load_span(k: u32) -> Span {
    let i = k >> 5u;
    return Span(q5_k_scales[i], array(q5_k_fifths[2u * i], q5_k_fifths[2u * i + 1u]));
}

alias Words = vec4<u32>;

// load_words returns the words of the 32 weights that begin with octet k.
fn load_words(k: u32, last: u32) -> Words {
    return q5_k_words[k >> 2u];
}

// step_of returns the 32 weights of these words, which begin with octet i of their span.
fn step_of(w: Words, k: u32, i: u32, span: Span) -> Step {
    let fifths = select(span.fifths[0], span.fifths[1], vec4((i & 16u) != 0u))[(i >> 2u) & 3u];
    let s = scale_at(i, scales_of(span.scales));
    return with_fifths(w, fifths, vec2(s.x, -s.y));
}
