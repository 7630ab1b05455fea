// Steps of formats of four bits: an octet is a word, whose first four codes lie in the
// low halves of its bytes.

import package::lib::ints::Ints;

struct Step {
    words: vec4<u32>,
    scale: vec2<f32>,    // and offset
}

// ints_of returns the codes of a step.
fn ints_of(w: Step) -> Ints {
    return Ints(w.words & vec4(0x0f0f0f0fu), (w.words >> vec4(4u)) & vec4(0x0f0f0f0fu), w.scale.xxyy);
}

// What activations are multiplied with: of even quads, of odd ones.
const EVEN = vec4<f32>(1.0, 0x1p-8, 0x1p-16, 0x1p-24);
const ODD = vec4<f32>(0x1p-4, 0x1p-12, 0x1p-20, 1.0);

// step_quad returns codes 4q to 4q+3 where they lie.
fn step_quad(w: Step, q: u32) -> vec4<f32> {
    let word = w.words[q / 2u];
    if q % 2u == 0u {
        return vec4<f32>(vec4<i32>(vec4(word) & vec4(0xfu, 0xf00u, 0xf0000u, 0xf000000u)));
    }
    return vec4<f32>(vec4<i32>(vec4(vec3(word) & vec3(0xf0u, 0xf000u, 0xf00000u), word >> 28u)));
}
