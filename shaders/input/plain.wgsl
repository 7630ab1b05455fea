// plain: products of the rows of x as they are

const NORMED: u32 = 0u;    // sums that norming takes, for a row of x

// gained returns quad i of a row as the products take it.
fn gained(v: vec4<f32>, i: u32) -> vec4<f32> {
    return v;
}

// scale returns what the sums are then multiplied with.
fn scale(squares: f32, n: u32, eps: f32) -> f32 {
    return 1.0;
}
