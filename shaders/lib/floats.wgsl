// Steps of formats without blocks: the weights as they are.

import package::weights::load8;

const SPAN_OCTETS: u32 = 4u;    // octets that a Span is read for

alias Span = u32;    // they share nothing

alias Step = array<vec4<f32>, 8>;

fn load_span(k: u32) -> Span {
    return 0u;
}

// load_step returns the weights of four octets from k on; past the last of the
// row, those of the last.
fn load_step(k: u32, last: u32, span: Span) -> Step {
    let a = load8(k);
    let b = load8(min(k + 1u, last));
    let c = load8(min(k + 2u, last));
    let d = load8(min(k + 3u, last));
    return Step(a[0], a[1], b[0], b[1], c[0], c[1], d[0], d[1]);
}

// dot_step multiplies a step with activations; totals is of no use here.
fn dot_step(w: Step, v: array<vec4<f32>, 8>, totals: vec2<f32>) -> f32 {
    return dot(w[0], v[0]) + dot(w[1], v[1]) + dot(w[2], v[2]) + dot(w[3], v[3])
        + dot(w[4], v[4]) + dot(w[5], v[5]) + dot(w[6], v[6]) + dot(w[7], v[7]);
}
