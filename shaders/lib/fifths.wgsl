// Formats of five bits: four of each weight, as those of four bits, and one.

import package::lib::bytes::Step;
import package::lib::ints::Ints;

// with_fifths returns the step of these words, of scale and offset. Of octet i, bit i of
// the bytes of fifths is the fifth bit of the first four codes, bit i + 4 of the last four.
fn with_fifths(words: vec4<u32>, fifths: u32, scale: vec2<f32>) -> Step {
    let high = vec4(fifths) >> vec4(0u, 1u, 2u, 3u);
    return Step(
        (words & vec4(0x0f0f0f0fu)) | ((high << vec4(4u)) & vec4(0x10101010u)),
        ((words >> vec4(4u)) & vec4(0x0f0f0f0fu)) | (high & vec4(0x10101010u)),
        scale,
    );
}

// ints_of returns the codes of a step.
fn ints_of(w: Step) -> Ints {
    return Ints(w.lo, w.hi, w.scale.xxyy);
}
