// y[t, o] = dot(x[t, :], W[o, :])      one invocation per 4 rows of x by 4 of W
//
// For software adapters: no workgroup memory and no barriers, which cost them
// more than reading twice.

import package::output::put;
import package::weights::load8;

struct Params {
    octets: u32,    // of a row of W and of x
    rows: u32,      // rows of W in the shard
    first: u32,     // row of W that the shard begins with
    stride: u32,    // length of a row of y
    begin: u32,     // row of x to begin with
    until: u32,     // row of x to end before
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;    // [n, octets * 2]

@compute @workgroup_size(8)
fn linear_block(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row0 = group.x * 4u;
    let token0 = params.begin + (group.y * 8u + lane) * 4u;
    if token0 >= params.until {
        return;
    }
    // Past the last row the last one is read again; its sums are not written.
    let row_last = params.rows - 1u;
    let token_last = params.until - 1u;
    let w0 = row0 * params.octets;
    let w1 = min(row0 + 1u, row_last) * params.octets;
    let w2 = min(row0 + 2u, row_last) * params.octets;
    let w3 = min(row0 + 3u, row_last) * params.octets;
    let x0 = token0 * params.octets * 2u;
    let x1 = min(token0 + 1u, token_last) * params.octets * 2u;
    let x2 = min(token0 + 2u, token_last) * params.octets * 2u;
    let x3 = min(token0 + 3u, token_last) * params.octets * 2u;
    var sum0 = vec4(0.0);
    var sum1 = vec4(0.0);
    var sum2 = vec4(0.0);
    var sum3 = vec4(0.0);
    let octets = min(params.octets, arrayLength(&x));    // as in linear_lane
    for (var k = 0u; k < octets; k++) {
        let a = load8(w0 + k);
        let b = load8(w1 + k);
        let c = load8(w2 + k);
        let d = load8(w3 + k);
        let two = 2u * k;
        sum0 += quad(a, b, c, d, x[x0 + two], x[x0 + two + 1u]);
        sum1 += quad(a, b, c, d, x[x1 + two], x[x1 + two + 1u]);
        sum2 += quad(a, b, c, d, x[x2 + two], x[x2 + two + 1u]);
        sum3 += quad(a, b, c, d, x[x3 + two], x[x3 + two + 1u]);
    }
    store(token0, row0, sum0);
    store(token0 + 1u, row0, sum1);
    store(token0 + 2u, row0, sum2);
    store(token0 + 3u, row0, sum3);
}

// quad returns the products of four octets of weights with one of activations.
fn quad(
    a: array<vec4<f32>, 2>, b: array<vec4<f32>, 2>, c: array<vec4<f32>, 2>, d: array<vec4<f32>, 2>,
    lo: vec4<f32>, hi: vec4<f32>,
) -> vec4<f32> {
    return vec4(
        dot(a[0], lo) + dot(a[1], hi),
        dot(b[0], lo) + dot(b[1], hi),
        dot(c[0], lo) + dot(c[1], hi),
        dot(d[0], lo) + dot(d[1], hi),
    );
}

fn store(token: u32, row0: u32, sums: vec4<f32>) {
    if token >= params.until {
        return;
    }
    put(token, params.first + row0, params.stride, sums.xy, row0 + 1u < params.rows);
    if row0 + 2u < params.rows {
        put(token, params.first + row0 + 2u, params.stride, sums.zw, row0 + 3u < params.rows);
    }
}
