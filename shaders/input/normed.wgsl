// normed: products of x / rms(x) * gain
//
// A row is read once. Its products with the gain, and its squares, are added up
// side by side; what the root of the squares' mean divides is the finished sum.

@group(3) @binding(0) var<storage, read> gain: array<vec4<f32>>;    // [quads of a row]

const NORMED: u32 = 1u;    // sums that norming takes, for a row of x

// gained returns quad i of a row as the products take it.
fn gained(v: vec4<f32>, i: u32) -> vec4<f32> {
    return v * gain[i];
}

// scale returns what the sums are then multiplied with: squares is the sum of those
// of the n numbers of a row.
fn scale(squares: f32, n: u32, eps: f32) -> f32 {
    return inverseSqrt(squares / f32(n) + eps);
}
