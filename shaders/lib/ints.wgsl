// Weights as codes, for products of integers.

import package::weights::{load_span, load_words, step_of, ints_of};

// Ints are 32 weights: (code * scale + offset). The words of lo are the first
// four codes of each octet, those of hi the last four. The first 16 weights have
// scale.x and the offset scale.z, the others scale.y and scale.w.
struct Ints {
    lo: vec4<u32>,
    hi: vec4<u32>,
    scale: vec4<f32>,
}

// load_ints returns block i of 32 weights as codes.
fn load_ints(i: u32) -> Ints {
    let k = 4u * i;
    return ints_of(step_of(load_words(k, k), k, k, load_span(k)));
}
