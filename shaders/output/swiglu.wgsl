// swiglu: y = silu(x · W1ᵀ) * (x · W3ᵀ), the rows of W being one of W1 and one of W3 in turn

import package::lib::activation::silu;

@group(0) @binding(2) var<storage, read_write> y: array<f32>;    // [tokens, stride / 2]

// put takes the sums of neighbouring rows of W, an even one and the next, with a
// row of x. stride is how many rows W has.
fn put(token: u32, row: u32, stride: u32, sums: vec2<f32>, both: bool) {
    y[(token * stride + row) / 2u] = silu(vec4(sums.x)).x * sums.y;
}
