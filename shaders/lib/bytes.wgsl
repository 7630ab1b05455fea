// Steps of formats whose codes are made bytes, none of them negative.

import package::lib::codes::step_sum;
import package::lib::ints::Ints;

alias Step = Ints;

// What activations are multiplied with: of even quads, of odd ones.
const EVEN = vec4<f32>(1.0, 0x1p-8, 0x1p-16, 1.0);
const ODD = EVEN;

// step_quad returns codes 4q to 4q+3 where they lie.
fn step_quad(w: Step, q: u32) -> vec4<f32> {
    let word = select(w.lo[q / 2u], w.hi[q / 2u], q % 2u == 1u);
    return vec4<f32>(vec4<i32>(vec4(vec3(word) & vec3(0xffu, 0xff00u, 0xff0000u), word >> 24u)));
}

fn dot_step(w: Step, codes: vec2<f32>, totals: vec2<f32>) -> f32 {
    return step_sum(w.scale, codes, totals);
}
