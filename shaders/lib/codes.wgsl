// Products of formats with blocks. Codes are summed before their scale and
// offset apply: once for 16 weights, not for each. A code is taken where it lies in
// its word, 2^n times what it is; what it is multiplied with makes up for that.

// step_sum returns what a step comes to: codes are the products of the codes of either
// half, totals what the activations of the halves come to.
fn step_sum(scale: vec4<f32>, codes: vec2<f32>, totals: vec2<f32>) -> f32 {
    let terms = codes * scale.xy + totals * scale.zw;
    return terms.x + terms.y;
}
