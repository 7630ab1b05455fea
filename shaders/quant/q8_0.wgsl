// q8_0: w = d·q, a signed byte for each weight; 32 weights share d.

import package::lib::ints::Ints;
import package::lib::codes::{Step, dot_step};
import package::lib::blocks::{SPAN_OCTETS, Span, load_span, load_step};

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

// codes4 returns the four codes of a word.
fn codes4(w: u32) -> vec4<f32> {
    return vec4<f32>(unpack4xI8(w));
}
