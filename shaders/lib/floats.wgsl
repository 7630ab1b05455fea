// Steps of formats without blocks: the weights as they are.

import package::weights::load8;

const SPAN_OCTETS: u32 = 4u;    // octets that a Span is read for

alias Span = u32;    // they share nothing

alias Step = array<vec4<f32>, 8>;

alias Words = Step;

// What activations are multiplied with: of even quads, of odd ones.
const EVEN = vec4<f32>(1.0);
const ODD = EVEN;

fn load_span(k: u32) -> Span {
    return 0u;
}

// load_words returns the weights of four octets from k on; past the last of the
// row, those of the last.
fn load_words(k: u32, last: u32) -> Words {
    let a = load8(k);
    let b = load8(min(k + 1u, last));
    let c = load8(min(k + 2u, last));
    let d = load8(min(k + 3u, last));
    return Words(a[0], a[1], b[0], b[1], c[0], c[1], d[0], d[1]);
}

fn step_of(w: Words, k: u32, i: u32, span: Span) -> Step {
    return w;
}

// step_quad returns weights 4q to 4q+3.
fn step_quad(w: Step, q: u32) -> vec4<f32> {
    return w[q];
}

// dot_step returns what a step comes to: products are those of either half.
fn dot_step(w: Step, products: vec2<f32>, totals: vec2<f32>) -> f32 {
    return products.x + products.y;
}
