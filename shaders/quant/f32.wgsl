// f32: the weights as they are.

import package::lib::floats::{SPAN_OCTETS, Span, Step, Words, EVEN, ODD, load_span, load_words, step_of, step_quad, dot_step};

@group(1) @binding(0) var<storage, read> f32_words: array<vec4<f32>>;    // [rows, cols/4]

// load8 returns the octet of weights at index k.
fn load8(k: u32) -> array<vec4<f32>, 2> {
    return array(f32_words[2u * k], f32_words[2u * k + 1u]);
}
