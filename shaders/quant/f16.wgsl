// f16: IEEE half floats, two to a word, low half first.

import package::lib::floats::{SPAN_OCTETS, Span, Step, Words, EVEN, ODD, load_span, load_words, step_of, step_quad, dot_step};

@group(1) @binding(0) var<storage, read> f16_words: array<vec4<u32>>;    // [rows, cols/8]

// load8 returns the octet of weights at index k.
fn load8(k: u32) -> array<vec4<f32>, 2> {
    let w = f16_words[k];
    return array(
        vec4(unpack2x16float(w.x), unpack2x16float(w.y)),
        vec4(unpack2x16float(w.z), unpack2x16float(w.w)),
    );
}
