// q4_k: w = d·s·q - dmin·m, q of 4 bits; 32 weights share s and m of 6 bits,
// 256 weights d and dmin.

import package::lib::ints::Ints;
import package::lib::nibbles::{Step, EVEN, ODD, step_quad, dot_step};
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

alias Span = Scales;

// load_span returns what the octets from k on share.
fn load_span(k: u32) -> Span {
    return scales_of(q4_k_scales[k >> 5u]);
}

// load_step returns the 32 weights that begin with octet k, which is octet i of its span.
fn load_step(k: u32, i: u32, last: u32, span: Span) -> Step {
    let s = scale_at(i, span);
    return Step(q4_k_words[k >> 2u], vec4(s.xx, -s.yy));
}

// load_ints returns block i of 32 weights as codes.
fn load_ints(i: u32) -> Ints {
    let step = load_step(4u * i, 4u * i, 0u, load_span(4u * i));
    return Ints(step.words & vec4(0x0f0f0f0fu), (step.words >> vec4(4u)) & vec4(0x0f0f0f0fu), step.scale);
}
