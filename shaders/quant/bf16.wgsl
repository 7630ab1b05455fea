// bf16: the upper halves of f32, two to a word, low half first.

import package::lib::floats::{SPAN_OCTETS, Span, Step, Words, EVEN, ODD, load_span, load_words, step_of, step_quad, dot_step};

@group(1) @binding(0) var<storage, read> bf16_words: array<vec4<u32>>;    // [rows, cols/8]

// load8 returns the octet of weights at index k.
fn load8(k: u32) -> array<vec4<f32>, 2> {
    let w = bf16_words[k];
    let even = bitcast<vec4<f32>>(w << vec4(16u));
    let odd = bitcast<vec4<f32>>(w & vec4(0xffff0000u));
    return array(vec4(even.x, odd.x, even.y, odd.y), vec4(even.z, odd.z, even.w, odd.w));
}
