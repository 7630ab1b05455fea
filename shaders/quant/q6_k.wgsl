// q6_k: w = d·s·(q-32), q of 6 bits; 16 weights share the signed byte s, 256
// weights d.

import package::lib::ints::{Ints, load_ints};
import package::lib::bytes::{Step, EVEN, ODD, step_quad};

@group(1) @binding(0) var<storage, read> q6_k_words: array<vec4<u32>>;     // [rows, cols/32], four bits of each
@group(1) @binding(1) var<storage, read> q6_k_tops: array<vec2<u32>>;      // [rows, cols/32], two bits of each
@group(1) @binding(2) var<storage, read> q6_k_steps: array<vec4<u32>>;     // [rows, cols/256], sixteen s
@group(1) @binding(3) var<storage, read> q6_k_scales: array<f32>;    // [rows, cols/256], d

// q6_k_codes returns q-32 of the octet at index k. The first four lie in the low
// halves of the word's bytes; their top bits are the lowest of each half byte
// of the other word, the half that bit 0 of k names, and those of the last
// four lie above them.
fn q6_k_codes(k: u32) -> array<vec4<f32>, 2> {
    let w = q6_k_words[k >> 2u][k & 3u];
    let top = q6_k_tops[k >> 2u][(k >> 1u) & 1u] >> ((k & 1u) << 2u);
    return array(
        vec4<f32>(unpack4xU8((w & 0x0f0f0f0fu) | ((top << 4u) & 0x30303030u))) - 32.0,
        vec4<f32>(unpack4xU8(((w >> 4u) & 0x0f0f0f0fu) | ((top << 2u) & 0x30303030u))) - 32.0,
    );
}

// q6_k_scale returns d·s of the octet at index k, from a word of four s.
fn q6_k_scale(k: u32, d: f32, word: u32) -> f32 {
    let s = bitcast<i32>(word << (24u - ((k & 6u) << 2u))) >> 24u;
    return d * f32(s);
}

// load8 returns the octet of weights at index k.
fn load8(k: u32) -> array<vec4<f32>, 2> {
    let q = q6_k_codes(k);
    let s = q6_k_scale(k, q6_k_scales[k >> 5u], q6_k_steps[k >> 5u][(k >> 3u) & 3u]);
    return array(q[0] * s, q[1] * s);
}

const SPAN_OCTETS: u32 = 32u;    // octets that share a Span

struct Span {
    steps: vec4<u32>,
    d: f32,
}

// load_span returns what the octets from k on share.
fn load_span(k: u32) -> Span {
    return Span(q6_k_steps[k >> 5u], q6_k_scales[k >> 5u]);
}

struct Words {
    words: vec4<u32>,
    tops: vec2<u32>,
}

// load_words returns the words of the 32 weights that begin with octet k.
fn load_words(k: u32, last: u32) -> Words {
    return Words(q6_k_words[k >> 2u], q6_k_tops[k >> 2u]);
}

// step_of returns the 32 weights of these words, which begin with octet i of their span.
fn step_of(words: Words, k: u32, i: u32, span: Span) -> Step {
    let w = words.words;
    let tops = words.tops;
    let top = vec4(tops.x, tops.x >> 4u, tops.y, tops.y >> 4u);
    let lo = (w & vec4(0x0f0f0f0fu)) | ((top << vec4(4u)) & vec4(0x30303030u));
    let hi = ((w >> vec4(4u)) & vec4(0x0f0f0f0fu)) | ((top << vec4(2u)) & vec4(0x30303030u));
    let word = span.steps[(i >> 3u) & 3u];
    let s = vec2(q6_k_scale(i, span.d, word), q6_k_scale(i + 2u, span.d, word));
    return Step(lo, hi, s);
}

// dot_step returns what a step comes to: codes are the products of the codes of either
// half, totals what the activations of the halves come to.
fn dot_step(w: Step, codes: vec2<f32>, totals: vec2<f32>) -> f32 {
    return dot(codes - 32.0 * totals, w.scale);
}

fn ints_of(w: Step) -> Ints {
    return Ints(w.lo, w.hi, vec4(w.scale, -32.0 * w.scale));
}
