// Products of formats with blocks. Codes are summed before their scale and
// offset apply: once for 16 weights, not for each.

import package::lib::ints::Ints;
import package::weights::codes4;

alias Step = Ints;

// dot_step multiplies a step with activations, whose halves come to totals.
fn dot_step(w: Step, v: array<vec4<f32>, 8>, totals: vec2<f32>) -> f32 {
    let sums = vec2(
        dot(codes4(w.lo.x), v[0]) + dot(codes4(w.hi.x), v[1]) + dot(codes4(w.lo.y), v[2]) + dot(codes4(w.hi.y), v[3]),
        dot(codes4(w.lo.z), v[4]) + dot(codes4(w.hi.z), v[5]) + dot(codes4(w.lo.w), v[6]) + dot(codes4(w.hi.w), v[7]),
    );
    let terms = sums * w.scale.xy + totals * w.scale.zw;
    return terms.x + terms.y;
}
