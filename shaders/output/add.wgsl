// add: y += x · Wᵀ

@group(0) @binding(2) var<storage, read_write> y: array<f32>;    // [tokens, stride]

// put takes the sums of neighbouring rows of W, an even one and the next, if it
// is there, with a row of x. stride is how many rows W has.
fn put(token: u32, row: u32, stride: u32, sums: vec2<f32>, both: bool) {
    let at = token * stride + row;
    y[at] += sums.x;
    if both {
        y[at + 1u] += sums.y;
    }
}
