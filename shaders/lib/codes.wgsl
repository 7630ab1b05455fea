// Products of formats whose blocks of 32 weights share a scale and an offset. Codes are
// summed before those apply: once for a block, not for each weight. A code is taken where
// it lies in its word, 2^n times what it is; what it is multiplied with makes up for that.

import package::weights::Step;

// dot_step returns what a step comes to: codes are the products of the codes of either
// half, totals what the activations of the halves come to.
fn dot_step(w: Step, codes: vec2<f32>, totals: vec2<f32>) -> f32 {
    return (codes.x + codes.y) * w.scale.x + (totals.x + totals.y) * w.scale.y;
}
